"""Builds the carrier of MicroPython's powerpc port, which forbids instructions that the Rust target
has, and looks for them.

The build looks for the names of such instructions itself (mpgc_features.check); this looks for
registers. Ends with `N passed, N failed`; without the compiler there is nothing to look at.
"""

import re

from tools.build import unix
from tools.common import BUILD, Fail, jobs, output_of, run_logged, say
from tools.setup.targets import find_target, missing_for
from tools.setup.tree import get_tree
from tools.steps import Tally

ARCH = "ppc64el"
PROFILES = ("speed", "size")
# The port's own flags of the compiler; it would not build without them.
FLAGS = ("-mno-vsx", "-mno-altivec", "-msoft-float", "-mstrict-align")
# A register for floats or vectors. An address of code may be spelled so, where a branch goes to it.
REGISTER = re.compile(r"^\s*[0-9a-f]+:\s+(?!b)[a-z]\S*\s.*\b(?:vs|v|f)\d+\b", re.M)


def carrier(tree, target, profile):
    """The object, and the command that compiles the port."""
    folder = BUILD / "forbidden" / unix.tree_key(tree) / profile
    made = folder / "py" / "gc.o"
    made.unlink(missing_ok=True)
    command = ["make", f"-j{jobs()}", "-C", tree.path / "ports" / "powerpc", "-f", unix.WRAPPER]
    command += [
        f"BUILD={folder}",
        f"CROSS_COMPILE={target.prefix}",
        f"MPGC_PROFILE={profile}",
        made,
    ]
    what = f"building the carrier of the powerpc port ({profile})"
    run_logged(command, folder.with_suffix(".log"), env=unix.build_env(tree), what=what)
    return made, (folder / "mpgc" / "command").read_text().splitlines()


def with_registers(listing):
    """The lines of objdump with a register that the port does not have; names of functions do not
    count.
    """
    return [line for line in re.sub(r"<.*>", "", listing).splitlines() if REGISTER.match(line)]


def main(args):
    target = find_target(ARCH)
    missing = missing_for(target)
    if missing:
        say(f"skipped: what the powerpc port forbids: {missing}")
        return 0
    tree, tally = get_tree(args.release or None, args.micropython_dir), Tally()
    for profile in PROFILES:
        made, words = carrier(tree, target, profile)
        if not set(FLAGS) <= set(words):
            raise Fail(f"the powerpc port of {tree.release} is compiled without {' '.join(FLAGS)}")
        command = [f"{target.prefix}objdump", "-d", "--no-show-raw-insn", made]
        listing = output_of(command)
        found = with_registers(listing)
        count = listing.count("\t")
        tally.add(profile, count > 1000 and not found, "\n".join(found), f"{count} instructions")
    return tally.ended()
