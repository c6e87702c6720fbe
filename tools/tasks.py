"""The tasks of `make TASK` and `python3 -m tools TASK`: the module and the arguments of each.

The module of a task has `main(args)`, which returns the exit status. If it takes options beyond the
variables listed in this file, it also has `add_arguments(parser)`. A module that does only one task
has its name.
"""

from collections import namedtuple

# `module` is below tools/. `takes` are variables (tools/arguments.py), as NAME=default where a task
# has a default of its own; `needs` is what setup/deps.py checks first (None: nothing); `preset`
# distinguishes the task from others of its module.
Task = namedtuple("Task", "name module does takes needs preset", defaults=("", None, {}))

TREE = "RELEASE MICROPYTHON_DIR "


def nothing_more(args):
    return {}


def for_arch(args):
    return {"targets": [args.arch]}


def for_powerpc(args):
    return {"targets": ["ppc64el"]}


def for_board(args):
    return {"boards": args.board.split(",")}


def for_bench(args):
    return {"kinds": ["bench"], "targets": [getattr(args, "arch", "")]}


def for_memory(args):
    return {"kinds": ["bench"], "targets": ["i686"]}


def for_heap(args):
    return {"kinds": ["heap"]}


def for_site(args):
    return {"kinds": ["site"]}


def for_sizes(args):
    return {"targets": ["i686"], "boards": ["MPS2_AN385", "VIRT_RV32"]}


def for_matrix(args):
    return {"kinds": ["matrix"], "targets": ["i686"]}


def for_proof(args):
    return {"kinds": ["test-all", "matrix"]}


def for_examples(args):
    return {"kinds": ["examples"]}


def for_firmware_check(args):
    return {"targets": [args.target]} if args.target else {"kinds": ["test"]}


def for_xtensa(args):
    return {"boards": ["SIM_LX106"]}


def for_pico(args):
    return {"kinds": ["pico"], "targets": ["thumbv6m"]}


def for_ports(args):
    return {"kinds": ["ports"]}


def for_windows(args):
    return {"targets": ["xtensa-windowed"]}


SECTIONS = {
    "Set up": [
        Task(
            "help",
            "help",
            "list these tasks, or the arguments of one: `python3 -m tools help TASK`",
        ),
        Task(
            "deps",
            "setup.deps",
            "install what is missing to build and test (apt, as root or with sudo) "
            "[TARGET=aarch64]",
            "TARGET ARCH",
        ),
        Task("tree", "setup.tree", "fetch the MicroPython tree into build/trees", TREE),
        Task("clean", "setup.clean", "remove what was built, but not the fetched trees"),
    ],
    "Build": [
        Task(
            "build",
            "build.unix",
            "build the unix port with mpgc [ARCH=aarch64]",
            TREE + "VARIANT OPTIONS ARCH",
            for_arch,
        ),
        Task(
            "build-c",
            "build.unix",
            "build the unix port with its own C, for comparison",
            TREE + "VARIANT OPTIONS ARCH",
            for_arch,
            {"flavour": "c"},
        ),
        Task(
            "run",
            "build.unix",
            "build the unix port with mpgc and run examples/demo.py",
            TREE + "VARIANT OPTIONS",
            nothing_more,
            {"python_module": True, "run": ["examples/demo.py"], "arch": ""},
        ),
        Task(
            "repl",
            "build.unix",
            "build the unix port with mpgc and open its prompt",
            TREE + "VARIANT OPTIONS",
            nothing_more,
            {"python_module": True, "run": [], "arch": ""},
        ),
        Task(
            "firmware",
            "build.firmware",
            "build firmware of the qemu port with mpgc "
            "[BOARD=MICROBIT|MPS2_AN385|MPS2_AN386|NETDUINO2|SABRELITE|SIM_LX106|"
            "VIRT_RV32]",
            TREE + "BOARD OPTIONS",
            for_board,
        ),
        Task(
            "firmware-lib",
            "build.firmware_lib",
            "build the library for C programs without MicroPython [TARGET=thumbv7m] [HARDENED=1]",
            "TARGET HARDENED",
        ),
        Task(
            "install",
            "build.install",
            "build the library for C programs and install it [PREFIX=/usr/local] "
            "[TARGET=thumbv7m] [DESTDIR=...] [LIBDIR=lib]",
            "TARGET HARDENED PREFIX DESTDIR LIBDIR",
        ),
        Task(
            "heap-demo",
            "build.heap_demo",
            "build mpgc-heap and show it on a program with a leak: a snapshot, what fills it, "
            "what keeps it alive",
            TREE,
            for_heap,
        ),
        Task("docs", "build.docs", "build the site of these pages and of the Rust documentation"),
    ],
    "Verify": [
        Task("unit", "verify.unit", "test the pure heap, pystack and scheduler with cargo alone"),
        Task(
            "test",
            "verify.test",
            "run the quick checks (twelve minutes), as CI does; ends with `N passed, N "
            "failed` [RESUME=1]",
            "ONLY RESUME WRITE",
        ),
        Task(
            "test-all",
            "verify.test",
            "run every check (an hour), before a release or a large change [ONLY=twins] [RESUME=1]",
            "ONLY RESUME WRITE",
            preset={"all": True},
        ),
        Task(
            "proof",
            "verify.proof",
            "run the long versions of the checks, which take hours [RELEASE=1.26.1] [ONLY=twins] "
            "[RESUME=1]",
            "RELEASE ONLY RESUME WRITE",
            for_proof,
        ),
        Task(
            "lint",
            "verify.lint",
            "check format, lints and documentation of Rust and Python [ALL=1] [ONLY=ruff]",
            TREE + "ONLY ALL",
            nothing_more,
        ),
        Task("fmt", "verify.fmt", "format the Rust and Python sources"),
        Task(
            "upstream",
            "verify.upstream",
            "run MicroPython's own tests on C and on mpgc, and compare [ARCH=armhf, under "
            "qemu-user]",
            TREE + "VARIANT OPTIONS ARCH WRITE",
            for_arch,
        ),
        Task(
            "twins",
            "verify.twins",
            "run the C original and mpgc side by side, by operation [OPS=1000000] "
            "[CONFIG=split,auto]",
            TREE + "OPS CONFIG SEED RUN WRITE",
            nothing_more,
        ),
        Task(
            "fuzz",
            "verify.fuzz",
            "fuzz heap, layout, pystack, scheduler and snapshots from the kept corpus [SECONDS=60] "
            "[TARGET=heap_c,sched]",
            TREE + "TARGET SECONDS=60 INPUT",
            nothing_more,
        ),
        Task(
            "fuzz-corpus",
            "verify.fuzz",
            "the same, then minimise what was found and keep it in fuzz/corpus.tar.xz",
            TREE + "TARGET SECONDS=60",
            nothing_more,
            {"keep": True, "input": ""},
        ),
        Task(
            "nlr",
            "verify.nlr",
            "test nlr's assembly for each architecture with a compiler installed, in qemu-user "
            "[ARCH=aarch64,riscv64]",
            "ARCH WRITE",
        ),
        Task(
            "forbidden",
            "verify.forbidden",
            "check that the carrier of the powerpc port has no instruction that the port forbids",
            TREE,
            for_powerpc,
        ),
        Task(
            "interrupts",
            "verify.interrupts",
            "stress the scheduler with interrupts at any instruction [SIGNALS=1000000] [PAIRS=40]",
            TREE + "SIGNALS PAIRS SEED WRITE",
            nothing_more,
        ),
        Task(
            "threads",
            "verify.threads",
            "compare threads without a GIL on C and on mpgc [ROUNDS=20] [STRESS_ROUNDS=50]",
            TREE + "ROUNDS=20 STRESS_ROUNDS WRITE",
            nothing_more,
        ),
        Task(
            "matrix",
            "verify.matrix",
            "build and test each option, alone and with others, on C and on mpgc [ONLY=auto,hook] "
            "[RESUME=1]",
            TREE + "ONLY RESUME WRITE",
            for_matrix,
        ),
        Task(
            "noscan",
            "verify.noscan",
            "run a script with MPGC_NOSCAN=1 and with the C, and compare",
            TREE,
            nothing_more,
        ),
        Task(
            "xtensa-constants",
            "verify.xtensa_constants",
            "check that the ESP8266 could read the Rust's constants, which lie in its flash",
            TREE,
            for_xtensa,
        ),
        Task(
            "xtensa-windows",
            "verify.xtensa_windows",
            "run heap and scheduler with register windows, as on the ESP32, in qemu",
            "",
            for_windows,
        ),
        Task(
            "waiting",
            "verify.waiting",
            "test collections while a program waits, and clearing dead stack, in simulated time",
            TREE,
            nothing_more,
        ),
        Task(
            "stats",
            "verify.stats",
            "compare the figures of MPGC_STATS=1 with what a program has done",
            TREE,
            nothing_more,
        ),
        Task(
            "snapshot",
            "verify.snapshot",
            "have a program take snapshots of itself, and mpgc-heap read them",
            TREE,
            nothing_more,
        ),
        Task(
            "own-tree",
            "verify.own_tree",
            "check that a build of your own tree writes nothing into it",
        ),
        Task(
            "sanitize",
            "verify.sanitize",
            "run under AddressSanitizer, ThreadSanitizer, UBSan and valgrind",
            TREE + "WRITE",
            for_bench,
        ),
        Task(
            "miri",
            "verify.miri",
            "run the tests of the pure modules under Miri, where rustup has it "
            "[ONLY=small,s390x] [WRITE=1]",
            "ONLY WRITE SEED",
        ),
        Task(
            "mutants",
            "verify.mutants",
            "break the library on purpose and see whether a check notices [ONLY=hints] "
            "[SINCE=v0.1] [SHARD=0/4] [RESUME=1] [TRUST=1] "
            "[SAMPLE=300 SHORT=1] [WRITE=1]",
            "ONLY SINCE SHARD RESUME TRUST SAMPLE SHORT WRITE",
            nothing_more,
        ),
        Task(
            "firmware-test",
            "verify.firmware_test",
            "run MicroPython's own tests in qemu on firmware with C and with mpgc, and compare "
            "[BOARD=...]",
            TREE + "BOARD OPTIONS WRITE",
            for_board,
        ),
        Task(
            "board-test",
            "verify.board_test",
            "run MicroPython's own tests on a Raspberry Pi Pico in an emulator, with C and with "
            "mpgc, and measure both [BOARD=RPI_PICO] [RP2040_BOOTROM=FILE]",
            TREE + "BOARD=RPI_PICO RP2040_BOOTROM WRITE",
            for_pico,
        ),
        Task(
            "windows-test",
            "verify.windows_test",
            "run MicroPython's own tests under wine on the windows port, with C and with mpgc",
            TREE + "VARIANT=dev OPTIONS",
            lambda args: {"targets": ["windows"]},
        ),
        Task(
            "webassembly-test",
            "verify.webassembly_test",
            "run MicroPython's own tests under node on the webassembly port, with C and with mpgc",
            TREE + "VARIANT=pyscript OPTIONS",
            lambda args: {"targets": ["webassembly"]},
        ),
        Task(
            "firmware-check",
            "verify.firmware_check",
            "test the library for C programs, an installation of it, its examples [TARGET=aarch64]",
            "TARGET ONLY",
            for_firmware_check,
        ),
        Task(
            "examples",
            "verify.examples",
            "build and run the examples of that library, here and on boards in qemu "
            "[TARGET=thumbv6m]",
            "TARGET",
            for_examples,
        ),
        Task(
            "docs-check",
            "verify.docs_check",
            "build the site, follow every link, open every page in a headless browser and search",
            "",
            for_site,
        ),
        Task(
            "heap-check",
            "verify.heap_check",
            "test mpgc-heap on builds with C and with mpgc: it must find what a collection leaves",
            TREE + "VARIANT",
            for_heap,
        ),
        Task(
            "heap-board",
            "verify.heap_board",
            "test mpgc-heap on firmware with the C in qemu, through its GDB server and its serial "
            "line [BOARD=...]",
            TREE + "BOARD",
            for_board,
        ),
        Task(
            "ports",
            "verify.ports",
            "build the ports and boards of a table with C and with mpgc, and compare the programs "
            "[ONLY=rp2]",
            TREE + "ONLY WRITE",
            for_ports,
        ),
        Task(
            "metal",
            "verify.metal",
            "compare sizes, run nlr and upstream's tests on every board [ONLY=MICROBIT] [RESUME=1]",
            "ONLY RESUME WRITE",
            for_sizes,
        ),
        Task(
            "metal-interrupts",
            "verify.metal_interrupts",
            "a million interrupts on firmware that allocates and collects, in qemu",
            TREE + "WRITE",
            lambda args: {"boards": ["MPS2_AN385"]},
        ),
    ],
    "Measure": [
        Task(
            "size",
            "measure.size",
            "compare the size of the four files, C and Rust, in each profile "
            "[TARGET=thumbv7m,x86-64] [SYMBOLS=1]",
            TREE + "TARGET SYMBOLS WRITE",
            for_sizes,
        ),
        Task(
            "bench",
            "measure.bench",
            "measure the C and mpgc in turns in one process [CASE=fill,sweep] [SECONDS=2] "
            "[ARCH=i686]",
            TREE + "ARCH CASE SECONDS=2 WRITE",
            for_bench,
        ),
        Task(
            "bench-growth",
            "measure.bench",
            "measure how pauses grow with the heap and with what is alive",
            TREE + "SECONDS=0.5 WRITE",
            for_bench,
            {"growth": True, "arch": "", "case": ""},
        ),
        Task(
            "bench-python",
            "measure.bench_python",
            "run Python programs on C and on mpgc in turns [CASE=perf_bench] [ROUNDS=9] [COUNT=1]",
            TREE + "VARIANT OPTIONS CASE ROUNDS COUNT WRITE",
            for_bench,
        ),
        Task(
            "bench-memory",
            "measure.bench_memory",
            "measure how much heap programs need, with C, mpgc, and each at a pace "
            "[CASE=display,table]",
            TREE + "CASE WRITE",
            for_memory,
        ),
        Task(
            "bench-memory-board",
            "measure.bench_memory_board",
            "measure the same on a board in qemu",
            TREE + "CASE",
            lambda args: {"boards": ["MPS2_AN385"]},
        ),
        Task(
            "hardened-cost",
            "measure.hardened_cost",
            "count and measure what the hardened build costs",
            TREE + "ROUNDS=5 WRITE",
            for_bench,
        ),
        Task(
            "stats-cost",
            "measure.stats_cost",
            "count what the figures of MPGC_STATS=1 cost",
            TREE + "CASE WRITE",
            for_bench,
        ),
        Task(
            "heap-speed",
            "measure.heap_speed",
            "measure mpgc-heap on 64 MB of heap with a million objects",
            TREE + "WRITE",
            for_heap,
        ),
        Task(
            "metal-bench",
            "measure.metal_bench",
            "count instructions of the C and mpgc on a board in qemu [BOARD=MPS2_AN385|MICROBIT]",
            TREE + "BOARD OPTIONS WRITE",
            for_board,
        ),
        Task(
            "bench-ports",
            "measure.bench_ports",
            "measure the windows and webassembly ports with C and mpgc: sizes, times under node",
            TREE + "CASE=perf_bench ROUNDS WRITE",
            lambda args: {"targets": ["windows", "webassembly"]},
        ),
    ],
}

TASKS = {task.name: task for tasks in SECTIONS.values() for task in tasks}


def variables_of(task):
    """{variable: its default for this task, or None for the usual one}."""
    words = [word.partition("=") for word in task.takes.split()]
    return {name: default or None for name, _, default in words}
