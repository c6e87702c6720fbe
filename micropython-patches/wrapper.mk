# Builds a port with mpgc, without touching its tree:
#
#     make -C ports/unix -f <mpgc>/micropython-patches/wrapper.mk [the port's own variables]
#
# It is the port's own Makefile, then the rules of mpgc. Where that Makefile runs CMake (rp2,
# esp32), it is given micropython.cmake as a module.

include $(dir $(abspath $(lastword $(MAKEFILE_LIST))))module.mk

ifeq ($(wildcard Makefile),)
$(error mpgc: no Makefile in $(CURDIR); use make -C <micropython>/ports/<port>, or where only CMake builds \
	the port, -DUSER_C_MODULES=$(MPGC_PATCHES_DIR)/micropython.cmake)
endif

ifneq ($(if $(wildcard CMakeLists.txt),$(shell grep -L 'py/py\.mk' Makefile)),)

# A semicolon separates modules for CMake; the port passes them through a shell.
MPGC_CMAKE_MODULE := $(MPGC_PATCHES_DIR)/micropython.cmake
override USER_C_MODULES := $(if $(USER_C_MODULES),$(USER_C_MODULES)\;)$(MPGC_CMAKE_MODULE)

# On make's command line these replace what the port's Makefile appends to them: the board, and
# mpgc.
$(foreach name,CMAKE_ARGS IDFPY_FLAGS,$(if $(filter command,$(origin $(name))),$(error mpgc: \
	$(name) on make's command line drops what the port appends to it, mpgc too; put it before make: \
	$(name)="$($(name))" make ...)))
include Makefile

.PHONY: mpgc-configured
mpgc-configured:
	@$(or $(PYTHON),python3) $(MPGC_PATCHES_DIR)/mpgc_build.py configured $(BUILD) $(MPGC_CMAKE_MODULE)
all: mpgc-configured

else

include Makefile

ifeq ($(wildcard $(PY_SRC)/mkrules.mk),)
$(error mpgc: $(CURDIR)/Makefile is not that of a MicroPython port (it sets no PY_SRC); use make -C <micropython>/ports/<port>)
endif

include $(MPGC_PATCHES_DIR)/mpgc.mk

# Firmware is linked through a program that names MPGC_PROFILE=size if the linker reports that it
# does not fit. The compilation of its objects stays the same: `private`, which make has since 3.82,
# as it has `undefine`.
ifneq ($(filter undefine,$(.FEATURES)),)
MPGC_LINK = $(MPGC_TOOL) link --work $(MPGC_BUILD) --
MPGC_PORTS_CC := $(CC)
MPGC_PORTS_LD := $(LD)
%.elf %.axf: private override CC = $(MPGC_LINK) $(MPGC_PORTS_CC)
%.elf %.axf: private override LD = $(MPGC_LINK) $(MPGC_PORTS_LD)
endif

# A Makefile that calls another one, which never sees the rules above: ports/alif.
ifeq ($(filter $(PY_BUILD)/$(MPGC_CARRIER).o,$(OBJ)),)
$(error mpgc: $(CURDIR)/Makefile does not link py/$(MPGC_CARRIER).o itself but hands on to another makefile: \
	use make -C $(CURDIR) USER_C_MODULES=$(MPGC_PATCHES_DIR)/usermod)
endif

endif
