# The rules that put Rust in place of C. Both doors include this file: wrapper.mk,
# and USER_C_MODULES through usermod/mpgc/micropython.mk.
#
# An explicit rule for an object beats the pattern rule of py/mkrules.mk, so no file
# of the tree is changed. The .c files stay in the tree and in the qstr scan; only
# their objects come from here: one carrier with all the Rust, the others empty.
#
# Variables, all optional:
#   MPGC_TARGET        the Rust target; otherwise derived from the port's compiler
#   MPGC_PROFILE       speed (the default), size for the least flash, or large for heaps of megabytes without an operating system
#   MPGC_OPT_LEVEL     Rust's opt-level (3 with the profile speed, s without an operating system, z with size)
#   MPGC_CARGO         the cargo to run (the first in PATH, then Debian's, that has a core for the target)
#   MPGC_BUILD_STD     1: build Rust's core from its source in any case; 0: never
#   MPGC_PYTHON_MODULE 1: add the Python module `mpgc`
#   MPGC_HARDENED      1: stop at double frees, overruns, writes after a free, broken tables
#   MPGC_NOSCAN        1: leave the data of str, bytes, bytearray, arrays of numbers and big ints unread
#   MPGC_CLEAR_ON_SWEEP 1: zero dead blocks at once, to see what is still used
#   MPGC_HEAP_PROFILING 1: print the map of the heap after each change
#   MPGC_TRACE_MARKS   1: print each object that a collect marks below another
#   MPGC_KEEP_C        C files to keep, without suffix: `gc` is the one that can be kept

ifeq ($(MPGC_RULES_INCLUDED),)
MPGC_RULES_INCLUDED := 1

include $(dir $(abspath $(lastword $(MAKEFILE_LIST))))module.mk
MPGC_PROFILE ?= speed
MPGC_BUILD = $(BUILD)/mpgc
MPGC_TOOL = $(PYTHON) $(MPGC_PATCHES_DIR)/mpgc_build.py

ifneq ($(filter-out gc,$(MPGC_KEEP_C)),)
$(error mpgc: MPGC_KEEP_C=$(MPGC_KEEP_C): only `gc` can be kept in C)
endif

MPGC_REPLACED := $(filter-out $(MPGC_KEEP_C),gc pystack scheduler \
	$(basename $(notdir $(wildcard $(TOP)/py/nlr*.c))))
# The object that carries the Rust; its name stays one that linker scripts know.
MPGC_CARRIER := $(firstword $(MPGC_REPLACED))

MPGC_SOURCES := $(MPGC_DIR)/Cargo.toml $(MPGC_DIR)/Cargo.lock $(MPGC_DIR)/build.rs \
	$(MPGC_PATCHES_DIR)/mpgc_build.py $(MPGC_PATCHES_DIR)/mpgc_rust.py \
	$(shell find $(MPGC_DIR)/src $(MPGC_DIR)/buildsrc -name '*.rs' -o -name '*.[ch]')

# The compiler command of the carrier, one argument a line. Written anew only when
# it changes, so that a changed flag rebuilds the carrier and an unchanged one does not.
# It is a prerequisite of the carrier alone, whose own flags it therefore sees.
$(MPGC_BUILD)/command: FORCE
	$(Q)$(MPGC_TOOL) stamp $@ -- $(CC) $(CFLAGS)
$(MPGC_BUILD)/options: FORCE
	$(Q)$(MPGC_TOOL) stamp $@ -- "$(MPGC_TARGET)" "$(MPGC_PROFILE)" "$(MPGC_OPT_LEVEL)" "$(MPGC_CARGO)" "$(MPGC_BUILD_STD)" "$(MPGC_KEEP_C)" "$(MPGC_HARDENED)" "$(MPGC_NOSCAN)" \
		"$(MPGC_CLEAR_ON_SWEEP)" "$(MPGC_HEAP_PROFILING)" "$(MPGC_TRACE_MARKS)"

$(PY_BUILD)/$(MPGC_CARRIER).o: $(MPGC_BUILD)/command $(MPGC_BUILD)/options $(MPGC_BUILD)/in-use $(MPGC_SOURCES)
	$(ECHO) "RUST $@"
	$(Q)$(MPGC_TOOL) carrier --crate $(MPGC_DIR) --work $(MPGC_BUILD) --output $@ \
		--objcopy "$(OBJCOPY)" --cargo "$(MPGC_CARGO)" --profile "$(MPGC_PROFILE)" --opt-level "$(MPGC_OPT_LEVEL)" \
		--target "$(MPGC_TARGET)" --build-std "$(MPGC_BUILD_STD)" --keep-c "$(MPGC_KEEP_C)" --hardened "$(MPGC_HARDENED)" \
		--noscan "$(MPGC_NOSCAN)" --clear-on-sweep "$(MPGC_CLEAR_ON_SWEEP)" --heap-profiling "$(MPGC_HEAP_PROFILING)" \
		--trace-marks "$(MPGC_TRACE_MARKS)"

# Says which object carries the Rust. Written anew when another one does, and when the
# objects were compiled from C since.
$(MPGC_BUILD)/in-use: FORCE
	$(Q)$(MPGC_TOOL) in-use $@ $(patsubst %,$(PY_BUILD)/%.o,$(MPGC_REPLACED))
$(patsubst %,$(PY_BUILD)/%.o,$(MPGC_KEEP_C)): $(MPGC_BUILD)/in-use

$(patsubst %,$(PY_BUILD)/%.o,$(filter-out $(MPGC_CARRIER),$(MPGC_REPLACED))): $(MPGC_DIR)/src/host/replaced.c $(MPGC_BUILD)/in-use
	$(Q)rm -f $(@:.o=.P)
	$(Q)$(CC) $(CFLAGS) -c -o $@ $<

ifeq ($(MPGC_PYTHON_MODULE),1)
$(MPGC_BUILD)/module.o: $(MPGC_DIR)/src/host/module.c
	$(call compile_c)
endif

endif
