# What must stand before py/mkrules.mk reads the lists of sources and objects: the Python module of
# MPGC_PYTHON_MODULE=1. Included by each integration, then by mpgc.mk.

ifeq ($(MPGC_LISTS_INCLUDED),)
MPGC_LISTS_INCLUDED := 1

MPGC_PATCHES_DIR := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
MPGC_DIR := $(patsubst %/,%,$(dir $(MPGC_PATCHES_DIR)))

# The options with their values, quoted for the shell; each reader of them is mpgc_build.py.
MPGC_NAMES := $(shell sed -n 's/^\(MPGC_[A-Z_]*\).*/\1/p' $(MPGC_PATCHES_DIR)/options.txt)
MPGC_GIVEN = $(foreach name,$(MPGC_NAMES),'$(name)=$(subst ','\'',$($(name)))')

# mpgc.mk sets what is not set here.
MPGC_PYTHON_MODULE_FIRST := $(MPGC_PYTHON_MODULE)
MPGC_WITH_MODULE := $(if $(MPGC_PYTHON_MODULE),$(shell $(or $(PYTHON),python3) \
	$(MPGC_PATCHES_DIR)/mpgc_build.py options --tell MPGC_PYTHON_MODULE $(MPGC_GIVEN) 2>/dev/null))

ifeq ($(MPGC_WITH_MODULE),1)
SRC_QSTR += $(MPGC_DIR)/src/host/module.c
PY_O += $(BUILD)/mpgc/module.o
endif

endif
