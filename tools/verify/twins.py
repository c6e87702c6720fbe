"""Runs the C original and mpgc side by side in one process, operation by operation, and compares them.

For each configuration: builds both from the same headers with the same flags (c-tests/twins), proves that
they are two libraries, runs drawn traces and, in the smallest heaps, every sequence. Ends with
`N passed, N failed`, one for each configuration.
"""

import re
import time
import zlib
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.common import (
    BUILD,
    ROOT,
    Fail,
    built,
    cargo_build,
    clean_env,
    jobs,
    run_logged,
    say,
    shown,
    table,
)
from tools.setup.targets import TARGETS
from tools.setup.targets import missing_for as missing_for_target
from tools.results import written
from tools.setup.tree import TESTED_RELEASES, get_tree
from tools.build.unix import WRAPPER, build_env, tree_key

from mpgc_rust import choose_toolchain, toolchain_environment

SOURCES = ROOT / "c-tests" / "twins"
WORK = BUILD / "twins"
OPERATIONS = 1_000_000

# `rust_variables` are make variables of mpgc's build alone. CI runs those with `ci`. Where the C can do
# nothing right there are no traces: `only_faults`. `pystack_debug` is the one option that a port sets by an edit.
Configuration = namedtuple(
    "Configuration",
    "options small target rust_variables ci only_faults pystack_debug c_mends",
    defaults=(False, None, (), True, False, False, ()),
)

SPLIT = "-DMICROPY_GC_SPLIT_HEAP=1"
AUTO = SPLIT + " -DMICROPY_GC_SPLIT_HEAP_AUTO=1"
NO_FINALISER = "-DMICROPY_ENABLE_FINALISER=0"
SETJMP = "-DMICROPY_NLR_SETJMP=1 -Wno-clobbered"
WEAKREF = "-DMICROPY_PY_WEAKREF=1"
# From 1.28 on, the C without finalisers but with weak references does not compile. [old, new] of py/gc.c; what a later
# release has mended is left as it is.
WEAKREF_MENDS = (
    ("gc_last_used_block / BLOCKS_PER_FTB; // index", "gc_last_used_block / 8; // index"),
    (
        "            block = ftb_idx * BLOCKS_PER_WTB;",
        "            size_t block = ftb_idx * BLOCKS_PER_WTB;",
    ),
)
# The release that brought an option.
SINCE = {"-DMICROPY_GC_SPLIT_HEAP_AUTO=1": (1, 21), WEAKREF: (1, 28)}
# What differs on purpose is told, and checked, in c-tests/twins/src/hardened.rs.
HARDENED = {"rust_variables": ("MPGC_HARDENED=1",), "ci": False}
# The profile for the least code: another search, and a sweep by the block.
SIZE = {"rust_variables": ("MPGC_PROFILE=size",), "ci": False}
# The code for a machine without an operating system; with 32 bits, for one that reads aligned words only and finds the lowest bit by a table.
BARE = {"rust_variables": ("MPGC_PROFILE=bare",), "ci": False}

# For a fuzzer: each basic block calls a function of cover.c.
COVER = "-fsanitize-coverage=trace-pc"
COVER_RUST = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 -Cllvm-args=-sanitizer-coverage-trace-pc"


def stack(entries, kind="size_t"):
    return f"-DMICROPY_ALLOC_GC_STACK_SIZE={entries} -DMICROPY_GC_STACK_ENTRY_TYPE={kind}"


# The options of each; `small` adds what is exhaustive.
CONFIGURATIONS = {
    "default": Configuration("", small=True),
    "no-finaliser": Configuration(NO_FINALISER, small=True),
    "conservative-clear": Configuration("-DMICROPY_GC_CONSERVATIVE_CLEAR=1"),
    "split": Configuration(SPLIT),
    "split-no-finaliser": Configuration(
        f"{SPLIT} {NO_FINALISER} -DMICROPY_GC_CONSERVATIVE_CLEAR=1"
    ),
    "split-stack8": Configuration(f"{SPLIT} {stack(8)}"),
    "auto": Configuration(AUTO),
    "auto-no-finaliser": Configuration(f"{AUTO} {NO_FINALISER} {stack(8)}"),
    "block16": Configuration("-DMICROPY_BYTES_PER_GC_BLOCK=16"),
    "block64": Configuration("-DMICROPY_BYTES_PER_GC_BLOCK=64"),
    "block128": Configuration(f"-DMICROPY_BYTES_PER_GC_BLOCK=128 {SPLIT}"),
    "stack8": Configuration(stack(8)),
    "stack1024": Configuration(stack(1024)),
    "entry16": Configuration(stack(64, "uint16_t")),
    "entry32": Configuration(stack(8, "uint32_t")),
    "no-finaliser-entry16": Configuration(f"{NO_FINALISER} {stack(8, 'uint16_t')}"),
    "fewest": Configuration(
        "-DMICROPY_GC_ALLOC_THRESHOLD=0 -DMICROPY_PY_GC_COLLECT_RETVAL=0 -DMICROPY_ENABLE_PYSTACK=0 "
        "-DMICROPY_ENABLE_VM_ABORT=0 -DMICROPY_KBD_EXCEPTION=0 -DMICROPY_ENABLE_SCHEDULER=0"
    ),
    "no-nodes": Configuration("-DMICROPY_SCHEDULER_STATIC_NODES=0"),
    "setjmp": Configuration(SETJMP),
    "threads": Configuration(f"-DMICROPY_PY_THREAD=1 -DMICROPY_PY_THREAD_GIL=0 {AUTO}"),
    "gil": Configuration("-DMICROPY_PY_THREAD=1 -DMICROPY_PY_THREAD_GIL=1"),
    "hook": Configuration(f"-DTWIN_HOOK_LOOP {SPLIT}"),
    # docs/upstream.md, 9: in C every root is dropped.
    "valgrind": Configuration("-DMICROPY_DEBUG_VALGRIND=1", only_faults=True),
    "asserts": Configuration("-UNDEBUG", pystack_debug=True),
    "weakref": Configuration(WEAKREF, ci=False),
    "weakref-split": Configuration(f"{WEAKREF} {SPLIT} {stack(8)}", ci=False),
    "weakref-no-finaliser": Configuration(
        f"{WEAKREF} {AUTO} {NO_FINALISER}", ci=False, c_mends=WEAKREF_MENDS
    ),
    "size": Configuration("", small=True, **SIZE),
    "size-auto": Configuration(f"{AUTO} {stack(8)}", **SIZE)._replace(ci=True),
    "size-no-finaliser": Configuration(
        f"{NO_FINALISER} {stack(8)} -DMICROPY_GC_CONSERVATIVE_CLEAR=1", **SIZE
    ),
    "bare": Configuration("", small=True, **BARE),
    "bare-no-finaliser": Configuration(
        f"{NO_FINALISER} {stack(8)} -DMICROPY_GC_CONSERVATIVE_CLEAR=1", **BARE
    ),
    "bare-i686": Configuration(
        f"-DMICROPY_BYTES_PER_GC_BLOCK=16 {stack(8)}", target="i686", **BARE
    )._replace(ci=True),
    "bare-i686-auto": Configuration(
        f"{AUTO} -DMICROPY_GC_CONSERVATIVE_CLEAR=1", target="i686", **BARE
    ),
    "hardened": Configuration("", **HARDENED),
    "hardened-auto": Configuration(f"{AUTO} {stack(8)}", **HARDENED)._replace(ci=True),
    "hardened-no-finaliser": Configuration(
        f"{NO_FINALISER} -DMICROPY_GC_CONSERVATIVE_CLEAR=1", **HARDENED
    ),
    "hardened-block16": Configuration(f"-DMICROPY_BYTES_PER_GC_BLOCK=16 {SPLIT}", **HARDENED),
    "hardened-block128": Configuration(
        "-DMICROPY_BYTES_PER_GC_BLOCK=128 -DMICROPY_GC_CONSERVATIVE_CLEAR=1", **HARDENED
    ),
    "hardened-i686": Configuration(f"{SPLIT} {NO_FINALISER}", target="i686", **HARDENED),
    # The C is given the threshold that mpgc sets itself.
    "paced": Configuration(f"{AUTO} {stack(8)}", rust_variables=("MPGC_PACING=4",)),
    "paced-free": Configuration("", rust_variables=("MPGC_PACING=free/3",)),
    "paced-free-bare-i686": Configuration(
        f"{SPLIT} {NO_FINALISER}",
        target="i686",
        rust_variables=(*BARE["rust_variables"], "MPGC_PACING=free/2"),
        ci=False,
    ),
    "i686": Configuration("", target="i686", ci=False),
    "i686-auto": Configuration(f"{AUTO} {stack(8)}", target="i686", ci=False),
    "i686-setjmp": Configuration(
        f"{SETJMP} {SPLIT} -DMICROPY_BYTES_PER_GC_BLOCK=32", target="i686", ci=False
    ),
}


def missing_for(configuration, release):
    """What keeps a configuration from running here; None if nothing does."""
    number = tuple(int(part) for part in release.split("-")[0].split(".")[:2])
    for option, since in SINCE.items():
        if option in configuration.options and number < since:
            return f"{option} is an option of {'.'.join(map(str, since))} and later"
    if (
        number == (1, 21)
        and AUTO in configuration.options
        and "MPGC_HARDENED=1" in configuration.rust_variables
    ):
        return "1.21 makes a new area as large as all regions are, and those of a hardened heap are larger"
    if (
        "DEBUG_VALGRIND" in configuration.options
        and not Path("/usr/include/valgrind/memcheck.h").is_file()
    ):
        return "there is no valgrind/memcheck.h (apt-get install valgrind)"
    return (
        missing_for_target(TARGETS[configuration.target], crate="std")
        if configuration.target
        else None
    )


def build_driver(target, package="twins", folder=WORK, words=()):
    cargo, env, words = "cargo", clean_env(), [*words]
    if target:
        # A shared object of 32 bits needs a process of 32 bits, so the driver is built for the target too.
        rust = TARGETS[target].rust
        toolchain = choose_toolchain(rust, crate="std")
        cargo, words = toolchain.cargo, [*words, "--target", rust]
        env.update(toolchain_environment(toolchain))
        env[f"CARGO_TARGET_{rust.upper().replace('-', '_')}_LINKER"] = (
            f"{TARGETS[target].prefix}gcc"
        )
        if toolchain.build_std:
            words.append("-Zbuild-std=std,panic_abort")
    command = cargo_build(package, *words, profile="driver", cargo=cargo)
    name = " ".join(filter(None, ["driver", target]))
    run_logged(
        command, folder / f"{name.replace(' ', '-')}.log", env=env, what=f"building the {name}"
    )


def driver_of(target, name="twins"):
    return built("driver", name, TARGETS[target].rust if target else "")


def mended_gc(tree, folder, mends):
    """The make variable that names a copy of py/gc.c with these mends; none if there are none."""
    if not mends:
        return []
    text = (tree.path / "py" / "gc.c").read_text()
    for old, new in mends:
        text = text.replace(old, new)
    copy = folder / "gc.c"
    if not copy.exists() or copy.read_text() != text:
        folder.mkdir(parents=True, exist_ok=True)
        copy.write_text(text)
    return [f"TWIN_GC={copy}"]


def build_twins(
    tree, name, options, rust_variables=(), work=WORK, target=None, cover=False, c_mends=()
):
    """Both twins with these options in one shared object; `name` is that of the folder. With `cover`, it counts where
    its code has been."""
    folder = work / tree_key(tree) / name
    options = f"-DNDEBUG {options}"
    prefix = TARGETS[target].prefix if target else ""
    env = build_env(tree)
    objects = []
    if cover:
        options += f" {COVER}"
        env["RUSTFLAGS"] = COVER_RUST
        objects.append(folder / "cover.o")
        command = [
            "gcc",
            "-O2",
            "-fPIC",
            "-Wall",
            "-Werror",
            "-c",
            "-o",
            objects[0],
            SOURCES / "cover.c",
        ]
        run_logged(command, folder / "cover.log", what="compiling cover.c")
    for twin in ("c", "rust"):
        build = folder / twin
        command = ["make", "-j1", "-C", SOURCES]
        if twin == "rust":
            command += ["-f", WRAPPER, *rust_variables]
        else:
            command += mended_gc(tree, folder, c_mends)
        command += [
            f"MICROPYTHON_DIR={tree.path}",
            f"BUILD={build}",
            f"TWIN={twin}",
            f"TWIN_OPTIONS={options}",
            f"CROSS_COMPILE={prefix}",
        ]
        run_logged(
            command,
            folder / f"{twin}.log",
            env=env,
            what=f"building the {twin} of {name} from {shown(tree.path)}",
        )
        objects.append(build / "twin.o")
    library = folder / "twins.so"
    run_logged(
        [f"{prefix}gcc", "-shared", "-o", library, *objects],
        folder / "link.log",
        what=f"linking {name}",
    )
    return library


def pystack_debug(tree, folder):
    """The option that finds a copy of py/pystack.h, with MP_PYSTACK_DEBUG on, before the tree's own."""
    switch = "#define MP_PYSTACK_DEBUG (%d)"
    text = (tree.path / "py" / "pystack.h").read_text()
    if text.count(switch % 0) != 1:
        raise Fail(
            f"{shown(tree.path)}/py/pystack.h does not define MP_PYSTACK_DEBUG as it did; fit tools/verify/twins.py"
        )
    copy = folder / "py" / "pystack.h"
    text = text.replace(switch % 0, switch % 1)
    if not copy.exists() or copy.read_text() != text:
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text)
    return f"-iquote {folder}"


def run_driver(driver, library, log, *words):
    """Returns (whether all was well, what the driver printed)."""
    command = [driver, library, *words]
    status = run_logged(command, log, what=" ".join(map(str, words[:1])), fatal=False, every=60)
    return status == 0, log.read_text(errors="replace").split("\n", 1)[1]


def counters(text):
    return {name: int(count) for name, count in re.findall(r"^([a-z_]+) (\d+)$", text, re.M)}


# What a build says of itself, by the variable that asks for it.
SHOWN_BY_THE_BUILD = {
    "MPGC_HARDENED=1": "hardened",
    "MPGC_PROFILE=size": "small",
    "MPGC_PROFILE=bare": "bare",
    "MPGC_PACING=4": "pacing 4",
    "MPGC_PACING=free/2": "pacing free/2",
    "MPGC_PACING=free/3": "pacing free/3",
}


def run_configuration(tree, name, args):
    """Returns what was covered, or None if something differs."""
    configuration = CONFIGURATIONS[name]
    driver = driver_of(configuration.target)
    options = configuration.options
    if configuration.pystack_debug:
        options += f" {pystack_debug(tree, WORK / tree_key(tree) / name / 'headers')}"
    library = build_twins(
        tree,
        name,
        options,
        configuration.rust_variables,
        target=configuration.target,
        c_mends=configuration.c_mends,
    )
    folder = library.parent
    good, text = run_driver(
        driver, library, folder / "prove.log", "prove", *["functions"] * configuration.only_faults
    )
    for variable, word in SHOWN_BY_THE_BUILD.items():
        if good and (f", {word}," in text) != (variable in configuration.rust_variables):
            raise Fail(
                f"{shown(library)} is not the build that was asked for ({variable} or not): remove its folder and try again"
            )
    if good and not args.run:
        good, text = run_driver(driver, library, folder / "faults.log", "faults")
    if not good:
        say(f"{name}: {text}")
        return None
    if configuration.only_faults:
        return {}
    again = [args.run] if args.run else []
    # Another seed for each: they are to meet different traces.
    seed = (args.seed << 32) + zlib.crc32(name.encode())
    good, text = run_driver(
        driver, library, folder / "random.log", "random", args.ops, seed, *again
    )
    found = counters(text)
    if not good or found.get("operations", 0) == 0:
        run = re.search(r"^seed \d+ run (\d+)", text, re.M)
        again = f"make twins RELEASE={tree.release} CONFIG={name} SEED={args.seed} RUN={run[1] if run else 0}"
        say(f"{name} ({configuration.options}): the C and mpgc differ; again: {again}\n{text}")
        return None
    if configuration.small and not args.run:
        good, text = run_driver(driver, library, folder / "small.log", "small", args.share)
        say("\n".join(f"  {name}: {line}" for line in text.splitlines()))
        if not good:
            return None
        found["small_cases"] = sum(map(int, re.findall(r"(\d+) (?:sequences|cases)", text)))
    return found


def cover_everything(covered):
    """What no configuration has met was not compared at all."""
    never = [
        name
        for name in next(iter(covered.values()))
        if not any(found.get(name) for found in covered.values())
    ]
    # Another release's C may have nothing to mend.
    never = [name for name in never if not name.startswith("c_")]
    if never:
        raise Fail(
            f"no trace has met: {', '.join(never)}; let OPS be larger, or see c-tests/twins/src/generate.rs"
        )


def report(covered):
    """Two tables, for all the counters do not fit side by side."""
    names = [name for name in next(iter(covered.values())) if name != "small_cases"]
    half = (len(names) + 1) // 2
    for part in (names[:half], names[half:]):
        heads = [name.replace("_", " ") for name in part]
        say(
            table(
                [
                    ["configuration", *(f"({i})" for i in range(1, len(part) + 1))],
                    *([name, *(found[key] for key in part)] for name, found in covered.items()),
                ]
            )
        )
        say("; ".join(f"({i}) {head}" for i, head in enumerate(heads, 1)) + "\n")


def choose(words):
    """The names of the configurations that CONFIG asks for."""
    if words == "ci":
        return [name for name, configuration in CONFIGURATIONS.items() if configuration.ci]
    names = [name for name in words.split(",") if name] or list(CONFIGURATIONS)
    unknown = [name for name in names if name not in CONFIGURATIONS]
    if unknown:
        raise Fail(
            f"CONFIG={','.join(unknown)} is not known; there are {', '.join(CONFIGURATIONS)}, and `ci`"
        )
    return names


def add_arguments(parser):
    parser.add_argument(
        "--share",
        type=int,
        default=1,
        help="of the states of small heaps, one in so many, and shorter sequences (1: all)",
    )


@written("twins", "The C and mpgc in one process")
def main(args):
    args.ops = args.ops or str(OPERATIONS)
    if not (args.ops + (args.run or "0")).isdigit() or int(args.ops) == 0:
        raise Fail("OPS and RUN are whole numbers, and OPS is not 0")
    names = choose(args.config)
    tree = get_tree(args.release or None, args.micropython_dir)
    runnable = []
    for name in names:
        missing = missing_for(CONFIGURATIONS[name], tree.release)
        if missing:
            say(f"{name}: left out: {missing}")
        else:
            runnable.append(name)
    drivers = {}

    def timed(name):
        started = time.monotonic()
        try:
            drivers[CONFIGURATIONS[name].target].result()
            found = run_configuration(tree, name, args)
        except Fail as error:
            say(f"{name}: {error}")
            return None
        if found is not None:
            done = (
                f"no difference in {found['operations']} operations"
                if found
                else "the faults of the C are shown"
            )
            say(f"{name}: {done}, {time.monotonic() - started:.0f} s")
        return found

    def takes_long(name):
        return CONFIGURATIONS[name].small or CONFIGURATIONS[name].target is not None

    with ThreadPoolExecutor(jobs()) as pool:
        # First of all, so that who waits for them waits for what runs; cargo builds one after the other.
        for target in sorted({CONFIGURATIONS[name].target for name in runnable}, key=bool):
            drivers[target] = pool.submit(build_driver, target)
        # What takes long comes first, so that at the end no core is idle.
        started = {
            name: pool.submit(timed, name)
            for name in sorted(runnable, key=takes_long, reverse=True)
        }
        results = {name: started[name].result() for name in runnable}
    covered = {name: found for name, found in results.items() if found}
    passed = sum(found is not None for found in results.values())
    failed = len(results) - passed
    if covered:
        report(covered)
    # Another release has no such thing to meet.
    if tree.release in TESTED_RELEASES and set(names) >= set(choose("ci")) and not failed:
        cover_everything(covered)
    total = sum(found["operations"] for found in covered.values())
    small = sum(found.get("small_cases", 0) for found in covered.values())
    say(
        f"MicroPython {tree.release}: {total} operations without a difference in {len(covered)} configurations, "
        f"and {small} cases in the smallest heaps"
    )
    if not passed and not failed:
        raise Fail(
            "nothing was compared: none of the configurations that were asked for can run here"
        )
    say(f"{passed} passed, {failed} failed")
    return 1 if failed else 0
