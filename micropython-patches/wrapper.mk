# Builds a port with mpgc, without touching its tree:
#
#     make -C ports/unix -f <mpgc>/micropython-patches/wrapper.mk [the port's own variables]
#
# It is the port's own Makefile, then the rules of mpgc.

MPGC_WRAPPER_DIR := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))

ifeq ($(wildcard Makefile),)
$(error mpgc: no Makefile in $(CURDIR); use make -C <micropython>/ports/<port>)
endif

include Makefile

ifeq ($(PY_BUILD),)
$(error mpgc: $(CURDIR)/Makefile is not that of a MicroPython port; use make -C <micropython>/ports/<port>)
endif

include $(MPGC_WRAPPER_DIR)mpgc.mk
