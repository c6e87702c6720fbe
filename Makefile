# The entry point for people: `make help` lists every task. tools/tasks.py says what each does,
# which variables it takes and where its code is; `make twins CONFIG=split` is
# `python3 -m tools twins CONFIG=split`.
#
# MICROPYTHON_DIR names a tree of your own, RELEASE the MicroPython that is fetched. JOBS: how many
# at once.

PYTHON ?= python3
export PYTHONDONTWRITEBYTECODE := 1
# What one of several tasks takes is no mistake for the others.
export MAKE_TASKS = $(MAKECMDGOALS)

TASKS := help deps tree clean \
	build build-c run repl firmware firmware-lib install heap-demo docs \
	unit test test-all proof lint fmt upstream twins fuzz fuzz-corpus nlr forbidden interrupts \
	threads matrix noscan waiting stats snapshot xtensa-constants xtensa-windows own-tree \
	sanitize miri mutants firmware-test board-test \
	windows-test webassembly-test firmware-check examples docs-check heap-check heap-board \
	ports metal metal-interrupts \
	size bench bench-growth bench-python bench-memory bench-memory-board hardened-cost stats-cost \
	heap-speed metal-bench bench-ports

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: $(TASKS) python

# What was given on the command line, as words for a shell; the environment is read by the tools.
on_command_line = $(filter command,$(firstword $(origin $(1))))
quoted = $(1)='$(subst ','\'',$($(1)))'
names = $(filter-out PYTHON,$(.VARIABLES))
GIVEN = $(foreach name,$(names),$(if $(call on_command_line,$(name)),$(call quoted,$(name))))

$(TASKS): python
	@$(PYTHON) -m tools $@ $(strip $(GIVEN))

# What is no task is named, with what is close to it.
.DEFAULT:
	@$(PYTHON) -m tools $@

python:
	@command -v "$(PYTHON)" >/dev/null || { \
		echo 'error: `$(PYTHON)` is not in PATH: install the package python3' \
			'(as root: apt-get install python3), or give PYTHON=...' >&2; \
		exit 1; \
	}
