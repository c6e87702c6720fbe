"""A C program of the port on both sides: scenarios, seeds of the design, placement and faults.

The other seeds are in c-tests/port/seeds.c and src/heap/tests/seeds.rs.
"""

import os
import re
import subprocess

from .builds import (
    CRATE,
    MOCK_PORT,
    SCENARIOS,
    WRAPPER,
    expect,
    globals_of,
    release_of,
    same_output,
    tail,
)


def build_info_is_the_printed_line(builds):
    """make prints, the build directory holds and `mpgc_build_info` returns the same line."""
    build = builds.directory("scenarios plain", "rust")
    (build / "py" / "gc.o").unlink(missing_ok=True)
    options = [f"MICROPYTHON_DIR={builds.tree}", f"SCENARIO_OPTIONS={SCENARIOS['plain']}"]
    said = builds.make(build, None, options, port=MOCK_PORT).stdout
    info = (build / "mpgc" / "info").read_text()
    printed = [line + "\n" for line in said.splitlines() if line.startswith("mpgc ")]
    expect(printed == [info], f"make printed {printed}, not once {info!r}")
    done = subprocess.run(
        [build / "scenarios", "info"], check=False, stdout=subprocess.PIPE, text=True, timeout=60
    )
    expect(done.stdout == info, f"mpgc_build_info() is {done.stdout!r}, not {info!r}")
    for word in (
        f"MicroPython {release_of(builds.tree)}",
        "-linux-gnu",
        "-byte blocks",
        "finalisers",
        "opt-level 3",
    ):
        expect(word in info, f"{word!r} is not in {info!r}")
    return info.strip()


def realloc_is_checked_in_debug_builds_only(builds):
    for name, checked in (("plain", False), ("asserts", True)):
        build = builds.directory(f"scenarios {name}", "rust")
        symbols = subprocess.run(
            ["nm", build / "py" / "gc.o"], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        expect(
            ("mpgc_shim_assert_failed" in symbols) == checked,
            f"{name}: the checks are {'out' if checked else 'in'}",
        )
        command = [build / "scenarios", "fault", "inner-realloc"]
        done = subprocess.run(
            command,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=60,
        )
        said = "assertion failed" if checked else "unnoticed: inner-realloc"
        expect(
            said in done.stdout and (done.returncode != 0) == checked,
            f"{name}: {done.returncode} {done.stdout!r}",
        )


def entry_points_are_safe_from_several_threads(builds):
    build = builds.directory("standard", "rust")
    program = [build / "micropython", CRATE / "tests" / "seeds" / "threads.py"]
    done = subprocess.run(program, check=False, stdout=subprocess.PIPE, text=True, timeout=300)
    expect(
        done.returncode == 0 and done.stdout == "[0, 1, 2, 3] []\n",
        f"{done.returncode}: {done.stdout!r}",
    )


def scenarios(builds, name):
    """The same C program on both: what it prints must be the same."""
    output, build = {}, builds.directory(f"scenarios {name}", "rust")
    builds.forget_objects(build)
    for side, entry in (("c", ()), ("rust", ("-f", str(WRAPPER)))):
        options = [f"MICROPYTHON_DIR={builds.tree}", f"SCENARIO_OPTIONS={SCENARIOS[name]}"]
        builds.make(build, None, options, entry=entry, port=MOCK_PORT)
        is_rust = "mpgc_version" in globals_of(builds.objects(build))
        expect(is_rust == (side == "rust"), f"the objects of the {side} side are the other's")
        done = subprocess.run(
            [build / "scenarios"], check=False, stdout=subprocess.PIPE, text=True, timeout=60
        )
        output[side] = done.stdout.splitlines()
        expect(
            done.returncode == 0 and output[side][-1:] == ["end"],
            f"{side}: {done.returncode}\n{tail(done.stdout)}",
        )
    return same_output(builds, output)


def placed_where_the_port_wants(builds):
    """The mock port wraps mp_sched_schedule into a section of its own."""
    carrier = builds.directory("scenarios plain", "rust") / "py" / "gc.o"
    done = subprocess.run(["objdump", "-t", carrier], stdout=subprocess.PIPE, text=True, check=True)
    place = {
        line.split()[-1]: line.split()[-3]
        for line in done.stdout.splitlines()
        if len(line.split()) > 4
    }
    for name in ("mp_sched_schedule", "mpgc_shim_atomic_end"):
        expect(place.get(name) == ".scenario_fast", f"{name} is in {place.get(name)}")
    # Nothing else of the code may be called from there.
    done = subprocess.run(
        ["objdump", "-r", "-j", ".scenario_fast", carrier],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    targets = {
        line.split()[2].split("+")[0].split("-")[0]
        for line in done.stdout.splitlines()
        if "R_" in line
    }
    outside = {name for name in targets if place.get(name, "").startswith(".text")}
    expect(not outside, f"mp_sched_schedule needs {sorted(outside)}")


def macros_are_called_as_they_are(builds):
    """Of the mock port's atomic sections, the first macro calls a function with a number and yields
    another one; the second one computes, which is not understood.
    """
    carrier = builds.directory("scenarios plain", "rust") / "py" / "gc.o"
    code = subprocess.run(
        ["objdump", "-dr", "--disassemble=mp_sched_schedule", carrier],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    expect("scenario_atomic" in code, "mp_sched_schedule does not call scenario_atomic")
    for name, is_called in (("mpgc_shim_atomic_begin", False), ("mpgc_shim_atomic_end", True)):
        expect(
            (f"<{name}" in code or f"\t{name}" in code) == is_called,
            f"mp_sched_schedule {'does not call' if is_called else 'calls'} {name}",
        )


# The faults that the hardened build reports, and their kinds (c-tests/port/faults.c).
FAULTS = {
    "no-room": "region too small",
    "foreign-free": "foreign pointer",
    "foreign-realloc": "foreign pointer",
    "inner-free": "inner pointer",
    "inner-byte-free": "inner pointer",
    "inner-realloc": "inner pointer",
    "inner-block-realloc": "inner pointer",
    "double-free": "double free",
    "swept-free": "double free",
    "freed-realloc": "double free",
    "tail-without-head": "broken table",
    "mark-outside-collect": "broken table",
    "marked-free": "broken table",
    "write-after-free": "write after free",
    "write-after-sweep": "write after free",
    "write-after-shrink": "write after free",
    "overrun": "overrun",
    "overrun-realloc": "overrun",
    "overrun-collect": "overrun",
    "overrun-full": "overrun",
    "overrun-full-collect": "overrun",
}
# For these the report names the chunk.
IN_A_CHUNK = ("inner pointer", "overrun")
# The numbers of mpgc.h.
FAULT_KINDS = {words: number for number, words in enumerate(dict.fromkeys(FAULTS.values()), 1)}


def faults_are_reported(builds):
    hardened = builds.directory("scenarios hardened", "rust")
    plain = builds.directory("scenarios plain", "rust")
    own = builds.directory("scenarios own fault", "rust")
    configurations = (
        (plain, []),
        (hardened, ["MPGC_HARDENED=1"]),
        # A heap that may have further areas finds the area of a pointer in another way.
        (
            own,
            ["MPGC_HARDENED=1", "SCENARIO_OPTIONS=-DSCENARIO_OWN_FAULT -DMICROPY_GC_SPLIT_HEAP=1"],
        ),
    )
    for build, options in configurations:
        options = [f"MICROPYTHON_DIR={builds.tree}", *options]
        builds.make(build, None, options, entry=("-f", str(WRAPPER)), port=MOCK_PORT)

    def commit(build, fault, **env):
        command = [build / "scenarios", "fault", fault]
        return subprocess.run(
            command,
            check=False,
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
            env={**os.environ, **env},
        )

    for fault, words in FAULTS.items():
        done = commit(hardened, fault)
        output = rf"mpgc: {words} at (0x)?[0-9a-f]+" + (
            r", in the chunk of 64 bytes at (0x)?[0-9a-f]+" if words in IN_A_CHUNK else ""
        )
        expect(re.match(output + "[,\n]", done.stdout), f"{fault}: printed {done.stdout!r}")
        expect(
            done.returncode < 0, f"{fault}: the program went on, or ended with {done.returncode}"
        )
        done = commit(own, fault)
        output = f"mpgc_fault was called with {FAULT_KINDS[words]} at "
        expect(
            done.stdout.startswith(output), f"{fault}: mpgc_fault was not called: {done.stdout!r}"
        )
        expect(done.returncode == 3, f"{fault}: not the port's exit: {done.returncode}")
    done = commit(own, "overrun", SCENARIO_FAULT_RETURNS="1")
    expect(
        done.returncode < 0,
        f"the program goes on after a port's mpgc_fault has returned: {done.stdout!r}",
    )
    # A build that is not hardened does not look for overruns: the scenario itself tells no fault.
    expect(
        commit(plain, "overrun").stdout == "unnoticed: overrun\n",
        "the plain build tells an overrun",
    )
    said = [
        subprocess.run(
            [build / "scenarios"], check=False, stdout=subprocess.PIPE, text=True, timeout=60
        ).stdout.splitlines()
        for build in (plain, hardened)
    ]
    # One byte a block is the slack table's, so the heap is smaller; gc_nbytes tells what was asked
    # for; all else is the same.
    differ = [line for line, other in zip(*said) if line != other]
    expect(
        len(said[0]) == len(said[1]) and [line.split()[0] for line in differ] == ["total", "sizes"],
        f"differ: {differ}",
    )
    return f"{len(FAULTS)} faults"
