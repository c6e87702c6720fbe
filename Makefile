# The one door for people: `make help` lists every task. The work is done by tools/.

# RELEASE chooses the MicroPython that is fetched; MICROPYTHON_DIR names a tree of your own instead.
RELEASE ?=
VARIANT ?= standard
OPTIONS ?=
ROUNDS ?= 9
COUNT ?=
# What `make twins` compares, and how much of it.
CONFIG ?=
OPS ?=
SEED ?= 1
RUN ?=
# What `make bench` measures.
CASE ?=
# How long `make bench` measures each case (2), `make fuzz` fuzzes each target (60).
SECONDS ?=
# A machine to build for beside this one: a name of tools/targets.py. For `make fuzz`: what to fuzz.
TARGET ?=
# The board of MicroPython's qemu port that `make firmware` is for: a name of tools/boards.py.
BOARD ?= MPS2_AN385
# SYMBOLS=1: `make size` prints the size of each function too.
SYMBOLS ?=
# The machine that `make build` and `make upstream` are for, if not this one; what `make nlr` runs, with commas between (all).
ARCH ?=
# What `make test`, `make test-all`, `make lint`, `make miri`, `make mutants`, `make matrix`, `make metal` and `make proof` run:
# all whose name holds ONLY (but for mutants, one of several words, with commas between), or the k-th of
# every n (SHARD=k/n); RESUME=1 leaves out what an earlier run has settled.
ONLY ?=
SHARD ?=
RESUME ?=
# ALL=1: `make lint` looks at every configuration. WRITE=1: `make miri` writes docs/results/miri.md.
ALL ?=
WRITE ?=
# `make mutants` alone: a commit; only what has changed in src since.
SINCE ?=
# `make mutants` alone: count changes that have a reason why they survive as survivors without running them.
TRUST ?=
# `make mutants` alone: so many changes, drawn by a fixed seed; show them to what `make test` runs alone.
SAMPLE ?=
SHORT ?=
# How many signals `make interrupts` sends, and of which share of the instructions it tries pairs (0: none).
SIGNALS ?= 1000000
PAIRS ?= 40
# Where `make install` puts the library for C programs; DESTDIR comes before it, for packages.
PREFIX ?=
DESTDIR ?=
LIBDIR ?= lib
HARDENED ?=
# The file of a finding of `make fuzz`.
INPUT ?=
MICROPYTHON_DIR ?=
PYTHON ?= python3

export MICROPYTHON_DIR
export PYTHONDONTWRITEBYTECODE := 1

TREE = --release "$(RELEASE)"
UNIX = $(TREE) --variant "$(VARIANT)" --options "$(OPTIONS)"
ANY_UNIX = $(UNIX) --arch "$(ARCH)"

# Something that is switched on: neither empty nor off, spelled as for a port's build.
on = $(filter-out 0 off Off OFF false False FALSE no No NO n N,$(1))

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help python deps tree build build-c run repl test test-all upstream firmware firmware-test heap-demo heap-check heap-board size metal metal-interrupts metal-bench nlr twins fuzz fuzz-corpus bench bench-growth hardened-cost bench-python bench-memory waiting noscan matrix interrupts threads sanitize miri mutants proof firmware-lib install examples firmware-check fmt lint unit clean

help: ## list these tasks
	@echo 'make TASK [RELEASE=1.25.0|1.26.1] [MICROPYTHON_DIR=...] [VARIANT=standard|coverage|minimal] [OPTIONS="..."]'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

python:
	@command -v "$(PYTHON)" >/dev/null || { echo 'error: `$(PYTHON)` is not in PATH: install the package python3 (as root: apt-get install python3), or give PYTHON=...' >&2; exit 1; }

deps: python ## install what is missing to build and test (apt, as root or with sudo) [TARGET=aarch64]
	@$(PYTHON) tools/deps.py --target "$(or $(TARGET),$(ARCH))"

tree: python ## fetch the MicroPython tree into build/trees
	@$(PYTHON) tools/tree.py $(TREE)

build: deps ## build the unix port with mpgc [ARCH=aarch64]
	@$(PYTHON) tools/unix.py $(ANY_UNIX)

build-c: deps ## build the unix port with its own C, for comparison
	@$(PYTHON) tools/unix.py $(ANY_UNIX) --flavour c

run: deps ## build the unix port with mpgc and run examples/demo.py
	@$(PYTHON) tools/unix.py $(UNIX) --python-module --run examples/demo.py

repl: deps ## build the unix port with mpgc and open its prompt
	@$(PYTHON) tools/unix.py $(UNIX) --python-module --run

CHECKS = $(PYTHON) tools/run_checks.py $(if $(call on,$(RESUME)),--resume) --only "$(ONLY)"

test: python ## run what finds most in 12 minutes, as CI does; ends with `N passed, N failed` [RESUME=1]
	@$(CHECKS)

test-all: python ## run every check of an hour, before a release or a large change [ONLY=twins] [RESUME=1]
	@$(CHECKS) --all

upstream: deps ## run MicroPython's own tests on C and on mpgc, and compare [ARCH=armhf, under qemu-user]
	@$(PYTHON) tools/upstream.py $(ANY_UNIX)

firmware: python ## build firmware of the qemu port with mpgc [BOARD=MICROBIT|MPS2_AN385|MPS2_AN386|NETDUINO2|SABRELITE|VIRT_RV32]
	@$(PYTHON) tools/deps.py --board "$(BOARD)"
	@$(PYTHON) tools/firmware.py $(TREE) --board "$(BOARD)" --options "$(OPTIONS)"

firmware-test: python ## run MicroPython's own tests in qemu on firmware with C and with mpgc, and compare [BOARD=...]
	@$(PYTHON) tools/deps.py --board "$(BOARD)"
	@$(PYTHON) tools/firmware_test.py $(TREE) --board "$(BOARD)" --options "$(OPTIONS)"

heap-demo: deps ## build mpgc-heap and show it on a program with a leak: a snapshot, what fills it, who keeps it alive
	@$(PYTHON) tools/deps.py --heap
	@$(PYTHON) tools/heap.py $(TREE)

heap-check: deps ## try mpgc-heap on builds with C and with mpgc: what it finds is what a collection leaves
	@$(PYTHON) tools/deps.py --heap
	@$(PYTHON) tools/heap_check.py $(TREE) --variant "$(VARIANT)" --page

heap-board: python ## try mpgc-heap on firmware with the C in qemu, through its GDB server and its serial line [BOARD=...]
	@$(PYTHON) tools/deps.py --board "$(BOARD)"
	@$(PYTHON) tools/heap_board.py $(TREE) --board "$(BOARD)"

size: python ## compare the size of the four files, C and Rust, in each profile [TARGET=thumbv7m,x86-64] [SYMBOLS=1]
	@$(PYTHON) tools/deps.py --board MPS2_AN385 --target i686
	@$(PYTHON) tools/deps.py --board VIRT_RV32
	@$(PYTHON) tools/size.py $(TREE) --target "$(TARGET)" $(if $(call on,$(SYMBOLS)),--symbols)

metal: python ## compare sizes, run nlr and upstream's tests on every board [ONLY=MICROBIT] [RESUME=1]
	@$(PYTHON) tools/deps.py --board MPS2_AN385 --target i686
	@$(PYTHON) tools/deps.py --board VIRT_RV32
	@$(PYTHON) tools/metal.py --deps --only "$(ONLY)"
	@$(PYTHON) tools/metal.py --only "$(ONLY)" $(if $(call on,$(RESUME)),--resume)

metal-interrupts: python ## a million interrupts on firmware that allocates and collects, in qemu
	@$(PYTHON) tools/deps.py --board MPS2_AN385
	@$(PYTHON) tools/metal_interrupts.py $(TREE)

metal-bench: python ## count instructions of the C and mpgc on a board in qemu [BOARD=MPS2_AN385|MICROBIT]
	@$(PYTHON) tools/deps.py --board "$(BOARD)"
	@$(PYTHON) tools/metal_bench.py $(TREE) --board "$(BOARD)"

nlr: python ## run nlr's assembly of each architecture that is set up here, under qemu-user [ARCH=aarch64,riscv64]
	@$(PYTHON) tools/nlr.py --arch "$(ARCH)"

twins: deps ## run the C original and mpgc side by side, by operation [OPS=1000000] [CONFIG=split,auto]
	@$(PYTHON) tools/twins.py $(TREE) --operations "$(OPS)" --config "$(CONFIG)" --seed "$(SEED)" --run "$(RUN)"

FUZZ = $(PYTHON) tools/fuzz.py $(TREE) --target "$(TARGET)" --seconds "$(or $(SECONDS),60)"

fuzz: python ## fuzz heap, layout, pystack and scheduler from the kept corpus [SECONDS=60] [TARGET=heap_c,sched]
	@$(PYTHON) tools/deps.py
	@$(FUZZ) --input "$(INPUT)"

fuzz-corpus: python ## the same, then minimise what was found and keep it in fuzz/corpus.tar.xz
	@$(PYTHON) tools/deps.py
	@$(FUZZ) --keep

bench: python ## measure the C and mpgc in turns in one process [CASE=fill,sweep] [SECONDS=2] [ARCH=i686]
	@$(PYTHON) tools/deps.py --bench --target "$(ARCH)"
	@$(PYTHON) tools/bench.py $(TREE) --arch "$(ARCH)" --case "$(CASE)" --seconds "$(or $(SECONDS),2)"

hardened-cost: python ## count and measure what the hardened build costs
	@$(PYTHON) tools/deps.py --bench
	@$(PYTHON) tools/hardened_cost.py $(TREE)

bench-growth: python ## measure how pauses grow with the heap and with what is alive
	@$(PYTHON) tools/deps.py --bench
	@$(PYTHON) tools/bench.py $(TREE) --growth --seconds 0.5

noscan: deps ## try mpgc with MPGC_NOSCAN=1 on a script, beside the C
	@$(PYTHON) tools/noscan.py $(TREE)

bench-python: python ## run Python programs on C and on mpgc in turns [CASE=perf_bench] [ROUNDS=9] [COUNT=1]
	@$(PYTHON) tools/deps.py --bench
	@$(PYTHON) tools/bench_python.py $(UNIX) --case "$(CASE)" --rounds "$(ROUNDS)" $(if $(call on,$(COUNT)),--count)

bench-memory: python ## measure how much heap programs need, with C, mpgc, and each at a pace [CASE=display,table]
	@$(PYTHON) tools/deps.py --bench
	@$(PYTHON) tools/bench_memory.py $(TREE) --case "$(CASE)"

waiting: deps ## try collections while a program waits, and clearing dead stack, in counted time
	@$(PYTHON) tools/waiting.py $(TREE)

matrix: python ## build and try each option, alone and with others, on C and on mpgc [ONLY=auto,hook] [RESUME=1]
	@$(PYTHON) tools/deps.py --matrix --target i686
	@$(PYTHON) tools/matrix.py $(TREE) --only "$(ONLY)" $(if $(call on,$(RESUME)),--resume)

interrupts: deps ## strain the scheduler with interrupts at any instruction [SIGNALS=1000000] [PAIRS=40]
	@$(PYTHON) tools/interrupts.py $(TREE) --signals "$(SIGNALS)" --pairs "$(PAIRS)" --seed "$(SEED)"

threads: ROUNDS = 20
threads: STRESS_ROUNDS = 50
threads: deps ## compare threads without a GIL on C and on mpgc [ROUNDS=20] [STRESS_ROUNDS=50]
	@$(PYTHON) tools/threads.py $(TREE) --rounds "$(ROUNDS)" --stress-rounds "$(STRESS_ROUNDS)"

sanitize: python ## run under AddressSanitizer, ThreadSanitizer, UBSan and valgrind
	@$(PYTHON) tools/deps.py --bench
	@$(PYTHON) tools/sanitize.py $(TREE)

miri: python ## run the tests of the pure modules under Miri, where rustup has it [ONLY=small,s390x] [WRITE=1]
	@$(PYTHON) tools/miri.py --only "$(ONLY)" $(if $(call on,$(WRITE)),--write)

mutants: deps ## break the library on purpose and see whether a check notices [ONLY=hints] [SINCE=v0.1] [SHARD=0/4] [RESUME=1] [TRUST=1] [SAMPLE=300 SHORT=1]
	@$(PYTHON) tools/mutants.py $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(call on,$(SHORT)),--short) --only "$(ONLY)" --since "$(SINCE)" --shard "$(SHARD)" $(if $(call on,$(RESUME)),--resume) $(if $(call on,$(TRUST)),--trust)

proof: python ## run the long versions of the checks, hours of them [RELEASE=1.26.1] [ONLY=twins] [RESUME=1]
	@$(PYTHON) tools/deps.py --test-all
	@$(PYTHON) tools/deps.py --matrix
	@$(PYTHON) tools/proof.py --release "$(RELEASE)" --only "$(ONLY)" $(if $(call on,$(RESUME)),--resume)

FIRMWARE_LIB = $(PYTHON) tools/firmware_lib.py --target "$(TARGET)" $(if $(call on,$(HARDENED)),--hardened)

firmware-lib: python ## build the library for C programs without MicroPython [TARGET=thumbv7m] [HARDENED=1]
	@$(FIRMWARE_LIB)

install: python ## build it and install it [PREFIX=/usr/local] [TARGET=thumbv7m] [DESTDIR=...] [LIBDIR=lib]
	@$(FIRMWARE_LIB) --prefix "$(or $(PREFIX),/usr/local)" --destdir "$(DESTDIR)" --libdir "$(LIBDIR)"

examples: python ## build and run its examples, here and on boards under qemu [TARGET=thumbv6m]
	@$(PYTHON) tools/deps.py --examples
	@$(PYTHON) tools/firmware_examples.py --target "$(TARGET)"

firmware-check: python ## test the library for C programs, an installation of it, its examples [TARGET=aarch64]
	@$(PYTHON) tools/deps.py $(if $(TARGET),--target "$(TARGET)",--test)
	@$(PYTHON) tools/firmware_check.py --target "$(TARGET)"

unit: ## test the pure heap, pystack and scheduler with cargo alone
	cargo test

fmt: ## format the Rust sources
	cargo fmt --all
	cargo fmt --manifest-path buildsrc/Cargo.toml
	cargo fmt --manifest-path c-tests/twins/Cargo.toml
	cargo fmt --manifest-path c-tests/nlr/Cargo.toml
	cargo fmt --manifest-path benches/Cargo.toml
	cargo fmt --manifest-path crates/mpgc-heap/Cargo.toml
	cargo fmt --manifest-path fuzz/Cargo.toml

lint: deps ## check format, lints and documentation of Rust and Python [ALL=1] [ONLY=ruff]
	@$(PYTHON) tools/lint.py $(TREE) --only "$(ONLY)" $(if $(call on,$(ALL)),--all)

clean: ## remove what was built, but not the fetched trees
	rm -rf target build/unix build/mpy-cross build/qemu build/size build/metal build/on-metal build/upstream build/dropin build/no-micropython-lib build/twins build/nlr build/bench build/stress build/sanitize build/lint build/miri build/mutants build/proof build/matrix build/matrix.json build/firmware build/firmware-lib
