"""Symbols, what is linked, layouts and headers."""

import re
import subprocess

from .builds import CONFIGURATIONS, CRATE, WRAPPER, expect, globals_of, tail

NOT_IN_A_RELEASE = re.compile(
    r"panic|rust_begin_unwind|rust_eh_personality|_Unwind_|_ZN4core3fmt|_RNv.*4core.*3fmt|core::fmt"
)


def sections_of(objects):
    """The section of each function that is global."""
    sections = {}
    for path in objects:
        done = subprocess.run(
            ["objdump", "-t", path], stdout=subprocess.PIPE, text=True, check=True
        )
        sections |= {
            name: section
            for section, name in re.findall(
                r"^[0-9a-f]+ g +F (\S+)\s+[0-9a-f]+ (?:\.hidden )?(\w+)$", done.stdout, re.M
            )
        }
    return sections


def same_symbols(builds, name):
    variant, options = CONFIGURATIONS[name]
    # One folder after the other: what else the port makes for these objects is the same.
    sides, places, build = {}, {}, builds.directory(name, "rust")
    builds.forget_objects(build)
    for side, entry in (("c", ()), ("rust", ("-f", str(WRAPPER)))):
        builds.make(build, variant, options, builds.objects(build), entry=entry)
        sides[side] = globals_of(builds.objects(build))
        places[side] = sections_of(builds.objects(build))
    added = {symbol for symbol in sides["rust"] if symbol.startswith("mpgc_")}
    expect({"mpgc_build_info", "mpgc_version"} <= added, f"mpgc_* are {sorted(added)}")
    expect(not any("shim" in symbol for symbol in added), f"the shim is global: {sorted(added)}")
    rust = sides["rust"] - added
    expect(
        rust == sides["c"],
        f"only in C: {sorted(sides['c'] - rust)}; only in Rust: {sorted(rust - sides['c'])}",
    )
    # Linker scripts place functions by the section that is named after them.
    elsewhere = {
        f: places["rust"][f]
        for f, s in places["c"].items()
        if s == f".text.{f}" and places["rust"].get(f) != s
    }
    expect(not elsewhere, f"in other sections than in C: {elsewhere}")
    return f"{len(rust)} symbols and {len(added)} of mpgc"


def no_panic_is_linked(builds):
    build = builds.directory("standard", "rust")
    builds.make(build, "standard", [])
    done = subprocess.run(
        ["nm", build / "micropython"], stdout=subprocess.PIPE, text=True, check=True
    )
    names = [line.split()[-1] for line in done.stdout.splitlines()]
    expect("gc_alloc" in names, "the program has no symbols to look at")
    found = sorted(name for name in names if NOT_IN_A_RELEASE.search(name))
    expect(not found, f"linked: {found[:10]}")
    return f"{len(names)} symbols looked at"


def the_program_runs_on_rust(builds):
    build = builds.directory("standard", "rust")
    code = "import gc; l=[[i] for i in range(5000)]; del l; gc.collect(); print('done')"
    done = subprocess.run(
        [build / "micropython", "-c", code], check=False, stdout=subprocess.PIPE, text=True
    )
    expect(done.returncode == 0 and done.stdout == "done\n", f"{done.returncode}: {done.stdout!r}")


def module_tells_the_build(builds):
    build = builds.directory("module", "rust")
    builds.make(build, "standard", ["MPGC_PYTHON_MODULE=Yes"])
    done = subprocess.run(
        [
            build / "micropython",
            "-c",
            "import mpgc; print(mpgc.build_info()); print(mpgc.version())",
        ],
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    info = (build / "mpgc" / "info").read_text().strip()
    expect(done.stdout.splitlines()[:1] == [info], f"{done.stdout!r} is not {info!r}")
    return info


def words(build):
    return (build / "mpgc" / "command").read_text().splitlines()


def compile_c(builds, build, source, *extra):
    command = words(build) + [f"-I{CRATE / 'include'}", f"-I{CRATE / 'src/host'}", *extra]
    command += ["-c", str(source), "-o", str(build / "check.o")]
    return subprocess.run(
        command,
        check=False,
        cwd=builds.port,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def layouts_are_proven(builds):
    build = builds.directory("standard", "rust")
    proof = build / "mpgc" / "layout.c"
    expect(proof.exists(), "the build left no layout.c")
    text = proof.read_text()
    claims = text.count("_Static_assert")
    expect(claims > 100, f"only {claims} claims")
    expect(compile_c(builds, build, proof).returncode == 0, "the claims do not hold")
    # A claim that is wrong by one must be seen.
    wrong = build / "wrong.c"
    wrong.write_text(re.sub(r"== (\d+),", lambda m: f"== {int(m[1]) + 1},", text, count=1))
    expect(compile_c(builds, build, wrong).returncode != 0, "a false claim passes")
    return f"{claims} claims"


def headers_stand_together(builds):
    build = builds.directory("standard", "rust")
    for source in sorted((CRATE / "c-tests").glob("*.c")):
        done = compile_c(builds, build, source)
        expect(done.returncode == 0, f"{source.name}:\n{tail(done.stdout)}")
