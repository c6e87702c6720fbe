# What must stand before py/mkrules.mk reads the lists of sources and objects: the
# Python module of MPGC_PYTHON_MODULE=1. Included by each door, then by mpgc.mk.

ifeq ($(MPGC_LISTS_INCLUDED),)
MPGC_LISTS_INCLUDED := 1

MPGC_PATCHES_DIR := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
MPGC_DIR := $(patsubst %/,%,$(dir $(MPGC_PATCHES_DIR)))

ifeq ($(MPGC_PYTHON_MODULE),1)
SRC_QSTR += $(MPGC_DIR)/src/host/module.c
PY_O += $(BUILD)/mpgc/module.o
endif

endif
