"""The OPTIONS of an upstream run: names for the configurations that matter, and raw flags."""

import re
import shlex
from collections import namedtuple

from tools.common import ROOT, Fail

# C modules for firmware.
METAL = ROOT / "c-tests" / "metal"

# The meaning of each name; the C control and the Rust build both get it.
NAMED = {
    "pystack": "-DMICROPY_ENABLE_PYSTACK=1 -DMICROPY_STACKLESS=1",
    "setjmp": "-DMICROPY_NLR_SETJMP=1 -Wno-clobbered",
    # The make variable for this is younger than 1.25, so the port's own threads switch is left off.
    "gil": f"VARIANT_DIR={ROOT}/tools/build/variants/gil MICROPY_PY_THREAD=0 "
    "LDFLAGS_EXTRA=-lpthread "
    "-DMICROPY_PY_THREAD=1 -DMICROPY_PY_THREAD_GIL=1",
    # As on a microcontroller with two cores; for boards of the qemu port (c-tests/metal/threads).
    "threads": f"USER_C_MODULES={METAL} CFLAGS_EXTRA='-include {METAL}/port.h "
    f"-I{METAL}/threads -DMETAL_THREADS'",
    "conservative-clear": "-DMICROPY_GC_CONSERVATIVE_CLEAR=1",
    "tail-clear": "-DMICROPY_GC_CONSERVATIVE_CLEAR=0",
    "noscan": "MPGC_NOSCAN=1",
    "hardened": "MPGC_HARDENED=1",
    "size": "MPGC_PROFILE=size",
    "large": "MPGC_PROFILE=large",
    "native": "--emit native",
    "via-mpy": "--via-mpy",
}

# Flags of run-tests.py that are passed on, and whether a value follows.
TEST_FLAGS = {"--emit": True, "--via-mpy": False, "--heapsize": True}

Options = namedtuple("Options", "slug build_slug make_variables test_flags")


def parse(text):
    """Sort the words of OPTIONS into make variables (compiler flags in CFLAGS_EXTRA) and test
    flags.
    """
    given = shlex.split(text or "")
    words = list(expand(given))
    cflags, variables, test_flags = [], {}, []
    words = iter(words)
    for word in words:
        name, equals, value = word.partition("=")
        if name in TEST_FLAGS:
            test_flags.append(word)
            if TEST_FLAGS[name] and not equals:
                following = next(words, None)
                if following is None:
                    raise Fail(f"OPTIONS: {name} needs a value, for example `--emit native`")
                test_flags.append(following)
        elif re.match(r"-[DUWfOmg]", word):
            cflags.append(word)
        elif equals and name == "CFLAGS_EXTRA":
            cflags += shlex.split(value)
        elif equals and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            if name in ("BUILD", "VARIANT", "PROG", "STRIP"):
                raise Fail(
                    f"OPTIONS: {name} is set by this tool; for another variant give VARIANT=... "
                    "to make"
                )
            variables[name] = value
        else:
            raise Fail(
                f"OPTIONS: `{word}` is not understood; give names ({', '.join(NAMED)}), compiler "
                "flags (-D...), "
                f"make variables (NAME=value) or test flags ({', '.join(TEST_FLAGS)})"
            )
    if cflags:
        variables["CFLAGS_EXTRA"] = " ".join(cflags)
    build_words = [f"{name}={value}" for name, value in sorted(variables.items())]
    named_build = [item for item in given if item in NAMED and not NAMED[item].startswith("--")]
    only_named = all(item in NAMED for item in given if not is_test_word(item, given))
    build_slug = slug(named_build if only_named else build_words)
    return Options(slug(given), build_slug, variables, test_flags)


def expand(given):
    """The words with each name replaced by what it stands for, but not where a flag takes it as its
    value.
    """
    before = ""
    for item in given:
        named = item in NAMED and not TEST_FLAGS.get(before)
        yield from shlex.split(NAMED[item]) if named else [item]
        before = item


def is_test_word(item, given):
    """Whether this word only concerns how the tests run, not the build."""
    if item.partition("=")[0] in TEST_FLAGS:
        return True
    before = given[given.index(item) - 1] if given.index(item) else ""
    return TEST_FLAGS.get(before, False)


def slug(words):
    """Words as part of a file name."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", "-".join(words)).strip("-")
