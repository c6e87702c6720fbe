"""Runs the fuzz targets (fuzz/) with AddressSanitizer, each for some seconds, starting with the
kept corpus.

What is found is cut down and printed as a test to paste. Ends with `N passed, N failed`, one for
each target.
"""

import lzma
import re
import shutil
import subprocess
import tarfile
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

from tools.common import (
    BUILD,
    ROOT,
    Fail,
    add_switch,
    built,
    cargo_build,
    clean_env,
    jobs,
    output_of,
    run_logged,
    say,
    shown,
    table,
)
from tools.setup.tree import get_tree
from tools.steps import ended
from tools.verify import fuzz_proof, twins

SOURCES = ROOT / "fuzz"
WORK = BUILD / "fuzz"
# All inputs that are kept: a folder for each target.
KEPT = SOURCES / "corpus.tar.xz"
TARGETS = ("heap_model", "heap_c", "layout", "pystack", "sched", "snapshot")
CARGO_FUZZ = "0.13.2"
# The configurations that heap_c compares. An input selects one by its index: append, do not sort.
TWINS = ("default", "auto", "stack8", "no-finaliser")
# The targets whose kept inputs miss the planted fault, so that a fuzzer has to find it.
MISS_THE_PLANTED = ("layout",)
# Bytes of an input.
LONGEST = 1024
# The file of a finding begins with its kind; other files are not findings.
FINDINGS = ("crash-", "timeout-", "oom-")
# The settings that cargo-fuzz's builds have in place of the profile `release`.
PROFILE = {"LTO": "off", "OPT_LEVEL": "2", "PANIC": "unwind"}

Result = namedtuple("Result", "good target inputs executions coverage features text")


def host():
    text = output_of(["rustc", "-vV"])
    return re.search(r"^host: (\S+)$", text, re.M)[1]


def fuzz_words():
    """The arguments of cargo-fuzz for all targets."""
    words = ["--fuzz-dir", SOURCES, "--target-dir", WORK / "target", "--target", host()]
    return [*words, "--features", "libfuzzer"]


def check_sanitizer():
    """The runtime of AddressSanitizer comes with Rust, but not for every host."""
    command = ["rustc", "--print", "target-libdir"]
    folder = Path(output_of(command).strip())
    if not list(folder.glob("librustc-*_rt.asan.a")):
        raise Fail(
            f"this Rust has no AddressSanitizer for {host()} ({folder}): fuzz on x86-64 Linux, "
            "with Rust from rustup"
        )


def cargo_fuzz():
    """The program in the required version, which is installed under build/ if it is missing."""
    program = WORK / "tool" / "bin" / "cargo-fuzz"
    if program.exists():
        done = subprocess.run(
            [program, "fuzz", "--version"], stdout=subprocess.PIPE, text=True, check=False
        )
        if done.stdout.split()[-1:] == [CARGO_FUZZ]:
            return program
    # Unoptimised, to compile quickly: it only calls cargo.
    command = ["cargo", "install", "--locked", "--debug", "--force", "--root", WORK / "tool"]
    command += ["--version", f"={CARGO_FUZZ}", "cargo-fuzz"]
    run_logged(command, WORK / "tool.log", what=f"installing cargo-fuzz {CARGO_FUZZ}")
    return program


def environment(**extra):
    # A fuzzer needs unstable options, which the stable compiler has too. Leaks could only be the
    # harness's own, and looking for them needs ptrace, which containers forbid.
    sanitizer = "detect_odr_violation=0:detect_leaks=0"
    # cargo-fuzz would use the release profile, which links slowly and aborts at a panic.
    profile = {f"CARGO_PROFILE_RELEASE_{name}": value for name, value in PROFILE.items()}
    return clean_env(RUSTC_BOOTSTRAP="1", ASAN_OPTIONS=sanitizer, **profile, **extra)


def build():
    check_sanitizer()
    command = [cargo_fuzz(), "fuzz", "build", *fuzz_words()]
    run_logged(
        command, WORK / "build.log", env=environment(), cwd=ROOT, what="building the fuzz targets"
    )


def program_of(target):
    return WORK / "target" / host() / "release" / target


def build_twins(args, cover=True):
    """The variable that tells heap_c where the twins are; without `cover` they are those of `make
    twins`.
    """
    tree = get_tree(args.release or None, args.micropython_dir)
    work = WORK / "twins" if cover else twins.WORK
    built = {
        name: twins.build_twins(
            tree, name, twins.CONFIGURATIONS[name].options, work=work, cover=cover
        )
        for name in TWINS
    }
    return {"MPGC_FUZZ_TWINS": ",".join(f"{name}={path}" for name, path in built.items())}


def corpus_of(target):
    folder = WORK / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def unpack(target, folder=None):
    """Adds the kept inputs to those found on this machine, or in `folder`. Returns their number."""
    folder = folder or corpus_of(target)
    folder.mkdir(parents=True, exist_ok=True)
    if KEPT.exists():
        with tarfile.open(KEPT) as kept:
            for member in kept:
                of, _, name = member.name.partition("/")
                if of == target and re.fullmatch(r"[0-9a-f]+", name):
                    (folder / name).write_bytes(kept.extractfile(member).read())
    return sum(1 for _ in folder.iterdir())


def pack():
    """Writes the corpora of this folder as the kept one; the same inputs give the same bytes."""
    raw = BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as kept:
        for target in TARGETS:
            for path in sorted(corpus_of(target).iterdir()):
                member = tarfile.TarInfo(f"{target}/{path.name}")
                member.size = path.stat().st_size
                with open(path, "rb") as data:
                    kept.addfile(member, data)
    KEPT.write_bytes(lzma.compress(raw.getvalue(), preset=9 | lzma.PRESET_EXTREME))
    say(f"{shown(KEPT)}: {KEPT.stat().st_size} bytes")


def minimise(target, env):
    """Keeps the fewest inputs that cover as much."""
    before = sum(1 for _ in corpus_of(target).iterdir())
    command = [cargo_fuzz(), "fuzz", "cmin", *fuzz_words()]
    command += [
        target,
        corpus_of(target),
        "--",
        f"-max_len={LONGEST}",
        "-use_counters=0",
        "-detect_leaks=0",
    ]
    run_logged(
        command,
        WORK / f"{target}-cmin.log",
        env=environment(**env),
        cwd=ROOT,
        what=f"minimising {target}",
    )
    say(f"{target}: {sum(1 for _ in corpus_of(target).iterdir())} inputs of {before} are kept")


def libfuzzer(target, log, env, *words):
    """Runs a target's program and prints its last line now and then. Returns its exit status."""
    command = [
        program_of(target),
        f"-max_len={LONGEST}",
        "-len_control=10",
        "-timeout=30",
        "-detect_leaks=0",
        "-print_final_stats=1",
        *words,
    ]
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as out:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment(**env),
            cwd=WORK,
        )
        try:
            while True:
                try:
                    return process.wait(timeout=15)
                except subprocess.TimeoutExpired:
                    lines = re.findall(r"^#\d+.*$", log.read_text(errors="replace"), re.M)
                    say(f"    {target}: {lines[-1] if lines else 'starting'}")
        except BaseException:
            process.kill()
            process.wait()
            raise


def last_number(pattern, text):
    found = re.findall(pattern, text, re.M)
    return int(found[-1]) if found else 0


def show(target, finding, env):
    """The finding as a test to paste."""
    paste = WORK / "found" / f"{target}.rs"
    paste.parent.mkdir(parents=True, exist_ok=True)
    paste.unlink(missing_ok=True)
    env = {**env, "MPGC_FUZZ_SHOW": str(paste)}
    # A crash while an input is reduced is not a finding of its own.
    scratch = WORK / "scratch" / target
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    log = WORK / "found" / f"{target}-show.log"
    libfuzzer(target, log, env, f"-artifact_prefix={scratch}/", finding)
    if not paste.exists():
        return f"it could not be printed as a test: see {shown(log)}"
    return paste.read_text()


def fuzz(target, args, env, *, corpus=True):
    """Fuzzes one target. Returns a Result."""
    env = env if target == "heap_c" else {k: v for k, v in env.items() if k != "MPGC_FUZZ_TWINS"}
    folder = WORK / "found" / target
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    log = WORK / f"{target}.log"
    words = [f"-artifact_prefix={folder}/"]
    inputs = 1
    if args.input:
        words.append(Path(args.input).resolve())
    else:
        words.append(f"-max_total_time={args.seconds}")
        if corpus:
            inputs = unpack(target)
            words.append(corpus_of(target))
    status = libfuzzer(target, log, env, *words)
    text = log.read_text(errors="replace")
    executions = last_number(r"^stat::number_of_executed_units: (\d+)", text)
    result = Result(
        status == 0,
        target,
        inputs,
        executions,
        last_number(r"cov: (\d+)", text),
        last_number(r"ft: (\d+)", text),
        "",
    )
    if status:
        found = sorted(path for path in folder.iterdir() if path.name.startswith(FINDINGS))
        if args.input:
            found = [Path(args.input).resolve()]
        reason = "\n".join("  | " + line[:300] for line in reason_of(text))
        if not found:
            return result._replace(
                text=f"it ended with status {status} before it found anything "
                f"({shown(log)}):\n{reason}"
            )
        again = f"make fuzz TARGET={target} INPUT={shown(found[0])}"
        test = show(target, found[0], env)
        return result._replace(
            text=f"{reason}\nthe whole output: {shown(log)}; again: {again}\nas a test:\n\n{test}"
        )
    if args.input:
        return result._replace(executions=1, text=f"{args.input} finds nothing")
    if executions < max(inputs, 1):
        return result._replace(
            good=False,
            text=f"only {executions} inputs were run, of {inputs} of the corpus: see {shown(log)}",
        )
    return result


def replay(names, args):
    """Run the kept inputs once, without libFuzzer and its sanitizer. Returns how many targets
    passed.
    """
    command = cargo_build("mpgc-fuzz", "--bins", profile="driver")
    run_logged(command, WORK / "replay.log", what="building the replay of the corpus")
    env = build_twins(args, cover=False) if "heap_c" in names else {}
    good = 0
    for name in names:
        # Only the kept inputs: those that a fuzzer has found since are not part of the check.
        folder, log = WORK / "kept" / name, WORK / f"{name}-replay.log"
        shutil.rmtree(folder, ignore_errors=True)
        inputs = unpack(name, folder)
        command = [built("driver", name), folder]
        planted = clean_env(**env, MPGC_FUZZ_PLANT="1")
        unseen = (
            run_logged(command, WORK / f"{name}-planted.log", env=planted, what=name, fatal=False)
            == 0
        )
        if unseen and name not in MISS_THE_PLANTED:
            say(f"{name}: FAILED: a planted fault is not seen")
            continue
        status = run_logged(
            command, log, env=clean_env(**env), what=f"replaying {name}", fatal=False
        )
        ran = last_number(r"^(\d+) inputs$", log.read_text(errors="replace"))
        if status == 0 and ran == inputs > 0:
            say(f"{name}: no fault in {ran} inputs")
            good += 1
        else:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
            say(
                f"{name}: FAILED with status {status}, {ran} of {inputs} inputs; see "
                f"{shown(log)}\n{tail}"
            )
    return good


def reason_of(text):
    """The lines that say what was found."""
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if "panicked at" in line or "ERROR: " in line:
            return [
                line for line in lines[i : i + 8] if not re.match(r"note: run with|\s*#\d+ ", line)
            ]
    return lines[-8:]


def add_arguments(parser):
    add_switch(parser, "--keep", "minimise what was found and write it to fuzz/corpus.tar.xz")
    add_switch(parser, "--replay", "only run the inputs that are kept, once, without libFuzzer")
    add_switch(parser, "--prove", "plant a fault for each target first, and paste what is printed")


def main(args):
    names = [name for name in args.target.split(",") if name] or list(TARGETS)
    unknown = [name for name in names if name not in TARGETS]
    if unknown:
        raise Fail(f"TARGET={','.join(unknown)} is not known; there are {', '.join(TARGETS)}")
    args.seconds = args.seconds or "60"
    if not args.seconds.isdigit() or int(args.seconds) == 0:
        raise Fail(f"SECONDS={args.seconds} is not a whole number above 0")
    if args.input and (len(names) != 1 or not Path(args.input).is_file()):
        raise Fail(
            f"INPUT={args.input}: give a file that is there, and the one TARGET that it is for"
        )
    if args.replay:
        good = replay(names, args)
        return ended(good, len(names) - good)
    build()
    env = build_twins(args) if "heap_c" in names else {}
    passed, failed = fuzz_proof.prove(fuzz, names, args, env) if args.prove else (0, 0)
    started = time.monotonic()
    with ThreadPoolExecutor(jobs()) as pool:
        results = list(pool.map(lambda name: fuzz(name, args, env), names))
    for result in results:
        if result.text:
            say(f"\n{result.target}: {'ok' if result.good else 'FAILED'}: {result.text}")
    heads = ["target", "inputs at first", "executions", "coverage", "features"]
    say("\n" + table([heads, *([str(cell) for cell in result[1:6]] for result in results)]))
    if args.keep:
        for name in names:
            minimise(name, env)
        for name in set(TARGETS) - set(names):
            unpack(name)
        pack()
    good = sum(result.good for result in results)
    say(f"fuzzed for {time.monotonic() - started:.0f} s")
    passed, failed = passed + good, failed + len(results) - good
    return ended(passed, failed)
