"""The other entry points: a module directory, the patch, CMake."""

import os
import re
import shutil
import subprocess

from .builds import CRATE, MOCK_PORT, Failed, expect, globals_of, release_of, same_output, tail


def usermod_integration(builds):
    build = builds.directory("usermod", "rust")
    entry = (f"USER_C_MODULES={CRATE / 'micropython-patches/usermod'}",)
    builds.make(build, "standard", [], builds.objects(build), entry=entry)
    expect("mpgc_version" in globals_of(builds.objects(build)), "the integration did nothing")


def patched_tree(builds):
    """A copy made of links, but for the one file that the patch changes."""
    release = release_of(builds.tree)
    patch = CRATE / "micropython-patches" / f"micropython-{release}.patch"
    if not patch.exists():
        return None
    copy = builds.work / "patched"
    if not copy.exists():
        subprocess.run(["cp", "-as", builds.tree, copy], check=True)
        (copy / "py" / "py.mk").unlink()
        shutil.copy(builds.tree / "py" / "py.mk", copy / "py" / "py.mk")
        for command in (["patch", "-p1", "--dry-run", "--fuzz=0"], ["patch", "-p1", "--fuzz=0"]):
            done = subprocess.run(
                command,
                check=False,
                cwd=copy,
                stdin=patch.open(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            expect(done.returncode == 0, f"{patch.name} does not apply:\n{done.stdout}")
    return copy


def patch_applies_and_switches(builds):
    copy = patched_tree(builds)
    if copy is None:
        return f"no patch for release {release_of(builds.tree)}"
    port = copy / "ports" / "unix"
    for name, switch, rust in (("patched", [f"MPGC={CRATE}"], True), ("patched off", [], False)):
        build = builds.directory(name, "rust")
        builds.make(build, "standard", switch, builds.objects(build), entry=(), port=port)
        names = globals_of(builds.objects(build))
        expect(("mpgc_version" in names) == rust, f"MPGC={switch}: the wrong objects")


def cmake_integration(builds):
    if shutil.which("cmake") is None:
        raise Failed("cmake is not found: install it (apt-get install cmake)")
    build = builds.work / "cmake-rust"
    # A copy, so that a header can be touched.
    source = builds.work / "cmake-port"
    shutil.copytree(MOCK_PORT, source, dirs_exist_ok=True)
    module = CRATE / "micropython-patches" / "micropython.cmake"
    steps = (
        [
            "cmake",
            "-S",
            source,
            "-B",
            build,
            f"-DUSER_C_MODULES={module}",
            f"-DMICROPY_DIR={builds.tree}",
        ],
        ["cmake", "--build", build, f"-j{builds.jobs}"],
    )
    for command in steps:
        done = subprocess.run(
            command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        expect(done.returncode == 0, tail(done.stdout, 25))
    done = subprocess.run([build / "scenarios"], check=False, stdout=subprocess.PIPE, text=True)
    expect(
        done.returncode == 0 and done.stdout.endswith("end\n"),
        f"{done.returncode}: {done.stdout!r}",
    )
    # Nothing changed: nothing is made.
    carrier = build / "mpgc" / "py" / "gc.c.o"
    before = carrier.stat().st_mtime_ns
    subprocess.run(steps[1], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    expect(carrier.stat().st_mtime_ns == before, "the carrier was made anew")
    os.utime(source / "mpconfigport.h")
    subprocess.run(steps[1], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    expect(carrier.stat().st_mtime_ns > before, "a changed header did nothing")


def run_in_qemu(firmware):
    command = [
        "qemu-system-arm",
        "-M",
        "mps2-an385",
        "-nographic",
        "-monitor",
        "none",
        "-semihosting-config",
        "enable=on,target=native",
    ]
    done = subprocess.run(
        [*command, "-kernel", firmware],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    expect(
        done.returncode == 0 and done.stdout.endswith("end\n"),
        f"{done.returncode}: {tail(done.stdout)}",
    )
    return done.stdout.splitlines()


def in_ram(build):
    """The object of each function in RAM, from the linker's map: a section `.text.NAME`, then its
    address, size and object.
    """
    text = (build / "firmware.map").read_text()
    placed = re.findall(
        r"^ \.(?:text|time_critical)\.(\w+)\s+0x0*2[0-9a-f]{7}\s+0x[0-9a-f]+ (\S+)$", text, re.M
    )
    expect(placed, "nothing is in RAM")
    return dict(placed)


def cmake_sdk_integration(builds, placement):
    """Firmware for a Cortex-M0+, built like the rp2 port: the same output, and code in RAM where
    the port places it.
    """
    for tool in ("cmake", "arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(tool) is None:
            raise Failed(f"{tool} is not found: run `python3 -m tools deps --test`")
    module = CRATE / "micropython-patches" / "micropython.cmake"
    source, build = CRATE / "c-tests" / "rp2", builds.directory("cmake-sdk", "rust")
    options = [f"-DMICROPY_DIR={builds.tree}", f"-DSDK_PLACEMENT={placement}"]
    suffix = {"by_name": "gc.c.obj", "by_path": "py/gc.c.o"}[placement]
    output = {}
    for side, modules in (("c", ""), ("rust", module)):
        for command in (
            ["cmake", "-S", source, "-B", build, *options, f"-DUSER_C_MODULES={modules}"],
            ["cmake", "--build", build, f"-j{builds.jobs}"],
        ):
            done = subprocess.run(
                command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            expect(done.returncode == 0, tail(done.stdout, 25))
        symbols = subprocess.run(
            ["nm", build / "firmware"], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        expect(
            ("mpgc_" in symbols) == (side == "rust"),
            f"the firmware of the {side} side is the other's",
        )
        placed = in_ram(build)
        # By the name of gc.c's object.
        for name in ("gc_alloc", "gc_collect_end"):
            expect(
                placed.get(name, "nowhere").endswith(suffix),
                f"{side}: {name} is not in RAM from {suffix}, but {placed.get(name, 'in flash')}",
            )
        # By MICROPY_WRAP_MP_SCHED_SCHEDULE.
        expect("sched" in placed, f"{side}: mp_sched_schedule is not in RAM")
        output[side] = run_in_qemu(build / "firmware")
    place = {
        line.split()[2]: int(line.split()[0], 16)
        for line in symbols.splitlines()
        if len(line.split()) == 3
    }
    for name in ("gc_alloc", "gc_collect_end", "mp_sched_schedule", "mpgc_shim_atomic_end"):
        expect(place.get(name, 0) >= 0x20000000, f"{name} is not in RAM")
    return same_output(builds, output)
