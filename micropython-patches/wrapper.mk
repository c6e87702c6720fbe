# Builds a port with mpgc, without touching its tree:
#
#     make -C ports/unix -f <mpgc>/micropython-patches/wrapper.mk [the port's own variables]
#
# It is the port's own Makefile, then the rules of mpgc.

include $(dir $(abspath $(lastword $(MAKEFILE_LIST))))module.mk

ifeq ($(wildcard Makefile),)
$(error mpgc: no Makefile in $(CURDIR); use make -C <micropython>/ports/<port>)
endif

include Makefile

ifeq ($(wildcard $(PY_SRC)/mkrules.mk),)
$(error mpgc: $(CURDIR)/Makefile is not that of a MicroPython port (it sets no PY_SRC); use make -C <micropython>/ports/<port>)
endif

include $(MPGC_PATCHES_DIR)/mpgc.mk
