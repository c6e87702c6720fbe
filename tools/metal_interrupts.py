#!/usr/bin/env python3
"""Interrupts firmware in qemu while it allocates and collects, and looks whether anything is lost.

The timer of MPS2_AN385 schedules callbacks, fills the queue, and allocates under the heap's lock, which must raise
(c-tests/metal). With the C and with mpgc alike, each callback that was accepted must have run once, and what the program keeps
must be whole. A planted fault, interrupts that take no lock, must be seen. What the port wants in fast RAM must lie
there. Ends with `N passed, N failed`.
"""

import argparse
import os
import re
import subprocess
import sys
from collections import namedtuple

import firmware
import unix
from common import BUILD, ROOT, Fail, clean_env, run_logged, run_main, say, shown
from firmware_test import serial_path
from tree import add_tree_arguments, get_tree

BOARD = "MPS2_AN385"
SOURCES = ROOT / "c-tests" / "metal"
WORK = BUILD / "metal-interrupts"
# Of the processor's 25 MHz: some thousand instructions of the emulated program between two interrupts.
CYCLES = 1250
FAST = ("mp_sched_schedule", "mp_sched_exception")

Told = namedtuple("Told", "interrupts scheduled refused caught wrong ran broken turns")


def build(tree, flavour):
    output = WORK / unix.tree_key(tree) / flavour
    variables = {
        "USER_C_MODULES": SOURCES, "CFLAGS_EXTRA": f"-include {SOURCES / 'port.h'}",
    }
    command = firmware.make_command(tree, BOARD, flavour, variables, output)
    run_logged(command, output.with_name(flavour + ".log"), env=unix.build_env(tree), what=f"building {BOARD} ({flavour})")
    unix.prove(output / "firmware.elf", flavour, ("gc_alloc", "nlr_jump"), output / "firmware.map")
    return unix.Build(flavour, output, output / "firmware.elf", [str(word) for word in command])


def run(tree, built, wanted, lock, name):
    """Runs the script on the firmware. Returns what it told, or None and the output."""
    script = WORK / f"{name}.py"
    script.write_text(f"WANTED = {wanted}\nCYCLES = {CYCLES}\nLOCK = {lock}\n" + (SOURCES / "interrupts.py").read_text())
    # pyboard.py parts the command at blanks, so the path is one from where it runs.
    kernel = os.path.relpath(built.program, WORK)
    emulator = " ".join([*firmware.emulator(tree, built), "-serial", "pty", "-kernel", kernel])
    env = clean_env()
    serial = serial_path()
    if serial:
        env["PYTHONPATH"] = str(serial)
    command = [sys.executable, tree.path / "tools" / "pyboard.py", "--device", f"execpty:{emulator}", script]
    log = WORK / f"{name}.log"
    status = run_logged(command, log, env=env, cwd=WORK, what=name, fatal=False, every=60)
    text = log.read_text(errors="replace")
    found = re.search(r"^told ([\d ]+?)\s*$", text, re.M)
    if status != 0 or not found:
        return None, f"status {status}, see {shown(log)}\n{text[-1500:]}"
    return Told(*map(int, found[1].split())), found[0]


def fault_in(told, wanted):
    """What is wrong with what the firmware told; None if nothing is."""
    if told.interrupts < wanted:
        return "fewer interrupts than were asked for"
    if told.ran != told.scheduled:
        return f"{told.scheduled} callbacks were accepted and {told.ran} ran"
    if told.wrong or told.broken:
        return f"{told.wrong} allocations under the lock, {told.broken} objects broken"
    if not told.refused or not told.caught or not told.turns:
        return "the queue was never full, or nothing was allocated under the lock: this shows nothing"
    return None


def placed_fast(tree, built):
    """What of the scheduler does not lie in the section that the port asked for."""
    link_map = (built.folder / "firmware.map").read_text(errors="replace")
    readelf = "readelf"
    missing = []
    for function in FAST:
        found = re.search(rf"^ \.text\.fast\.{function}\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S+)$", link_map, re.M)
        if not found or int(found[1], 16) == 0:
            missing.append(function)
            continue
        symbols = subprocess.run([readelf, "-sW", found[2]], stdout=subprocess.PIPE, text=True, check=True, cwd=built.folder).stdout
        if (unix.PROOF in symbols) != (built.flavour == "rust"):
            missing.append(function)
    return missing


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def add(self, name, fault, told=""):
        self.passed, self.failed = self.passed + (not fault), self.failed + bool(fault)
        say(f"  {name}: {f'FAILED: {fault}' if fault else f'ok {told}'.rstrip()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_tree_arguments(parser)
    parser.add_argument("--interrupts", type=int, default=1_000_000, help="how many (1000000)")
    args = parser.parse_args()
    tree = get_tree(args.release or None, args.micropython_dir)
    if args.interrupts < 1000:
        raise Fail("--interrupts: give at least 1000, or the queue is never full")
    WORK.mkdir(parents=True, exist_ok=True)
    checks = Checks()
    for flavour, side in (("c", "C"), ("rust", "mpgc")):
        built = build(tree, flavour)
        missing = placed_fast(tree, built)
        checks.add(f"{side}: {', '.join(FAST)} lie in .text.fast", f"not so: {', '.join(missing)}" if missing else None)
        told, text = run(tree, built, args.interrupts, True, f"interrupts-{flavour}")
        checks.add(f"{side}: interrupts", fault_in(told, args.interrupts) if told else text, told)
        told, text = run(tree, built, 20000, False, f"planted-{flavour}")
        seen = not told or told.wrong or told.broken
        checks.add(f"{side}: interrupts without the lock, planted fault", None if seen else f"not seen: {text}")
    say(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    run_main(main)
