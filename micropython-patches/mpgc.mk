# The rules that put Rust in place of C. Both integrations include this file: wrapper.mk, and
# USER_C_MODULES through usermod/mpgc/micropython.mk.
#
# An explicit rule for an object beats the pattern rule of py/mkrules.mk, so no file
# of the tree is changed. The .c files stay in the tree and in the qstr scan; only
# their objects come from here: one carrier with all the Rust, the others empty.
#
# The variables that it takes are listed in options.txt.

ifeq ($(MPGC_RULES_INCLUDED),)
MPGC_RULES_INCLUDED := 1

include $(dir $(abspath $(lastword $(MAKEFILE_LIST))))module.mk
MPGC_BUILD = $(BUILD)/mpgc
MPGC_TOOL = $(PYTHON) $(MPGC_PATCHES_DIR)/mpgc_build.py

# The shell checks whether anything differs from the last build; mpgc_build.py handles a difference.
MPGC_SAME = printf '%s\n' $(1) | cmp -s - $(2)

MPGC_WRONG := $(shell $(call MPGC_SAME,$(MPGC_DIR) $(MPGC_GIVEN),$(MPGC_BUILD)/given) || $(MPGC_TOOL) options $(MPGC_GIVEN) 2>&1)
ifneq ($(MPGC_WRONG),)
$(error $(subst mpgc: error: ,mpgc: ,$(MPGC_WRONG)))
endif
ifneq ($(MPGC_PYTHON_MODULE),$(MPGC_PYTHON_MODULE_FIRST))
$(error mpgc: MPGC_PYTHON_MODULE=$(MPGC_PYTHON_MODULE) was set after the lists of sources were made: give it on the command line)
endif

MPGC_REPLACED := $(filter-out $(MPGC_KEEP_C),gc pystack scheduler \
	$(basename $(notdir $(wildcard $(TOP)/py/nlr*.c))))
# The object that carries the Rust; its name stays one that linker scripts know.
MPGC_CARRIER := $(firstword $(MPGC_REPLACED))

MPGC_SOURCES := $(MPGC_DIR)/Cargo.toml $(MPGC_DIR)/Cargo.lock $(MPGC_DIR)/build.rs \
	$(addprefix $(MPGC_PATCHES_DIR)/,known_files.txt options.txt) \
	$(wildcard $(MPGC_PATCHES_DIR)/mpgc_*.py $(MPGC_PATCHES_DIR)/targets/*.json) \
	$(MPGC_DIR)/buildsrc/Cargo.toml \
	$(shell find $(MPGC_DIR)/src $(MPGC_DIR)/buildsrc -name '*.rs' -o -name '*.[chS]')

# The compiler command of the carrier, one argument a line. Written anew only when
# it changes, so that a changed flag rebuilds the carrier and an unchanged one does not.
# It is a prerequisite of the carrier alone, whose own flags it therefore sees.
$(MPGC_BUILD)/command: FORCE
	$(Q)$(call MPGC_SAME,$(CC) $(CFLAGS),$@) || $(MPGC_TOOL) stamp $@ -- $(CC) $(CFLAGS)
$(MPGC_BUILD)/options: FORCE
	$(Q)$(call MPGC_SAME,$(MPGC_DIR) $(MPGC_GIVEN),$(MPGC_BUILD)/given) || \
	  $(MPGC_TOOL) options --work $(MPGC_BUILD) --clone $(MPGC_DIR) $(MPGC_GIVEN)

$(PY_BUILD)/$(MPGC_CARRIER).o: $(MPGC_BUILD)/command $(MPGC_BUILD)/options $(MPGC_BUILD)/in-use $(MPGC_SOURCES)
	$(ECHO) "RUST $@"
	$(Q)$(MPGC_TOOL) carrier --crate $(MPGC_DIR) --work $(MPGC_BUILD) --py $(PY_SRC) --output $@ \
		--objcopy "$(OBJCOPY)"

# Names the object that carries the Rust. Written again when that changes, and when the objects were
# compiled from C since: a .P file shows what an object was made from. The carrier's names port.h,
# the empty objects have none. The file `seen` shows mpgc_link.py that this build needs the carrier.
$(MPGC_BUILD)/in-use: FORCE
	$(Q)mkdir -p $(@D); touch $(@D)/seen; \
	echo $(PY_BUILD)/$(MPGC_CARRIER).o | cmp -s - $@ || rm -f $@; \
	for file in $(patsubst %,$(PY_BUILD)/%.P,$(MPGC_REPLACED)); do \
	  if [ -e $$file ] && ! grep -q /port.h $$file; then rm -f $@; fi; \
	done; \
	[ -e $@ ] || echo $(PY_BUILD)/$(MPGC_CARRIER).o > $@
$(patsubst %,$(PY_BUILD)/%.o,$(MPGC_KEEP_C)): $(MPGC_BUILD)/in-use

$(patsubst %,$(PY_BUILD)/%.o,$(filter-out $(MPGC_CARRIER),$(MPGC_REPLACED))): $(MPGC_DIR)/src/host/replaced.c $(MPGC_BUILD)/in-use
	$(Q)rm -f $(@:.o=.P)
	$(Q)$(CC) $(CFLAGS) -c -o $@ $<

# The last goal of a make without goals: checks that mpgc was linked.
MPGC_WHOLE := $(or $(.DEFAULT_GOAL),all)
.PHONY: mpgc-linked
mpgc-linked: $(MPGC_WHOLE)
	$(Q)if [ -e $(MPGC_BUILD)/seen ] && [ -e $(MPGC_BUILD)/linked ] && \
	  [ -z "$$(find $(BUILD) -maxdepth 1 -type f -newer $(MPGC_BUILD)/linked)$$(find $(PY_BUILD)/$(MPGC_CARRIER).o -newer $(MPGC_BUILD)/linked)" ]; \
	then rm $(MPGC_BUILD)/seen; \
	else $(MPGC_TOOL) linked --work $(MPGC_BUILD) --carrier $(PY_BUILD)/$(MPGC_CARRIER).o; fi
.DEFAULT_GOAL := mpgc-linked

# The lists of qstrs and modules follow the sources that make knows: they are made again if the
# module is new, and its entries are removed if it is gone.
MPGC_HAD_MODULE := $(wildcard $(MPGC_BUILD)/module.o)
ifneq ($(if $(MPGC_HAD_MODULE),1),$(MPGC_WITH_MODULE))
MPGC_REMOVED := $(shell rm -f $(MPGC_BUILD)/module.* $(HEADER_BUILD)/qstr.i.last $(HEADER_BUILD)/*/*__src__host__module.c.*)
endif
ifeq ($(MPGC_WITH_MODULE),1)
$(MPGC_BUILD)/module.o: $(MPGC_DIR)/src/host/module.c
	$(call compile_c)
endif

endif
