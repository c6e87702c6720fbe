"""Runs the C original and mpgc side by side in one process, operation by operation, and compares
them.

For each configuration: builds both from the same headers with the same flags (c-tests/twins),
proves that they are two libraries, runs drawn traces and, in the smallest heaps, every sequence.
Ends with `N passed, N failed`, one for each configuration.
"""

import re
import shutil
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

from mpgc_rust import choose_toolchain, toolchain_environment

from tools.build.unix import WRAPPER, build_env, tree_key
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
from tools.results import written
from tools.setup.targets import TARGETS
from tools.setup.tree import TESTED_RELEASES, get_tree, is_circuitpython
from tools.steps import ended
from tools.verify.twins_configurations import CONFIGURATIONS, choose, missing_for

SOURCES = ROOT / "c-tests" / "twins"
WORK = BUILD / "twins"
OPERATIONS = 1_000_000

# For a fuzzer: each basic block calls a function of cover.c.
COVER = "-fsanitize-coverage=trace-pc"
COVER_RUST = (
    "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 "
    "-Cllvm-args=-sanitizer-coverage-trace-pc"
)


def build_driver(target, package="twins", folder=WORK, words=()):
    cargo, env, words = "cargo", clean_env(), [*words]
    if target:
        # A shared object of 32 bits needs a process of 32 bits, so the driver is built for the
        # target too.
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


def fixed_gc(tree, folder, fixes):
    """The make variable that names a copy of py/gc.c with these fixes; none if there are none."""
    if not fixes:
        return []
    text = (tree.path / "py" / "gc.c").read_text()
    for old, new in fixes:
        text = text.replace(old, new)
    copy = folder / "gc.c"
    if not copy.exists() or copy.read_text() != text:
        folder.mkdir(parents=True, exist_ok=True)
        copy.write_text(text)
    return [f"TWIN_GC={copy}"]


def copy_headers(made, wanted):
    """The headers that make generates are the same for both twins. It makes those again that are
    older than their sources.
    """
    if not wanted.exists():
        shutil.copytree(made, wanted)


def build_twins(
    tree, name, options, rust_variables=(), work=WORK, target=None, cover=False, c_fixes=()
):
    """Both twins with these options in one shared object; `name` is that of the folder. With
    `cover`, it counts where its code has been.
    """
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
            copy_headers(folder / "c" / "genhdr", build / "genhdr")
        else:
            command += fixed_gc(tree, folder, c_fixes)
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
    """The option that finds a copy of py/pystack.h, with MP_PYSTACK_DEBUG on, before the tree's
    own.
    """
    switch = "#define MP_PYSTACK_DEBUG (%d)"
    text = (tree.path / "py" / "pystack.h").read_text()
    if text.count(switch % 0) != 1:
        raise Fail(
            f"{shown(tree.path)}/py/pystack.h does not define MP_PYSTACK_DEBUG as it did; fit "
            "tools/verify/twins.py"
        )
    copy = folder / "py" / "pystack.h"
    text = text.replace(switch % 0, switch % 1)
    if not copy.exists() or copy.read_text() != text:
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text)
    return f"-iquote {folder}"


def run_driver(driver, library, log, *words):
    """Returns (whether it passed, what the driver printed)."""
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
        c_fixes=configuration.c_fixes,
    )
    folder = library.parent
    good, text = run_driver(
        driver, library, folder / "prove.log", "prove", *["functions"] * configuration.only_faults
    )
    for variable, word in SHOWN_BY_THE_BUILD.items():
        if good and (f", {word}," in text) != (variable in configuration.rust_variables):
            raise Fail(
                f"{shown(library)} is not the requested build ({variable} or not): "
                "remove its folder and try again"
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
        again = (
            f"make twins RELEASE={tree.release} CONFIG={name} SEED={args.seed} "
            f"RUN={run[1] if run else 0}"
        )
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
    """An operation that no configuration has met was not compared at all."""
    never = [
        name
        for name in next(iter(covered.values()))
        if not any(found.get(name) for found in covered.values())
    ]
    # Another release's C may need no fix.
    never = [name for name in never if not name.startswith("c_")]
    if never:
        raise Fail(
            f"no trace has met: {', '.join(never)}; let OPS be larger, or see "
            "c-tests/twins/src/generate.rs"
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
        missing = missing_for(CONFIGURATIONS[name], tree.release, is_circuitpython(tree))
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
        # First of all, so that who waits for them waits for what runs; cargo builds one after the
        # other.
        for target in sorted({CONFIGURATIONS[name].target for name in runnable}, key=bool):
            drivers[target] = pool.submit(build_driver, target)
        # The longest configurations start first, so that no core is idle at the end.
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
        f"MicroPython {tree.release}: {total} operations without a difference in {len(covered)} "
        "configurations, "
        f"and {small} cases in the smallest heaps"
    )
    if not passed and not failed:
        raise Fail(
            "nothing was compared: none of the configurations that were asked for can run here"
        )
    return ended(passed, failed)
