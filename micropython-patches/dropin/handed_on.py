"""Ports whose Makefile calls another makefile or CMake: mpgc is linked, or the build stops and says
why.
"""

import shutil
import subprocess

from .builds import CRATE, MOCK_PORT, Failed, expect, globals_of
from .refusals import one_message

PATCHES = CRATE / "micropython-patches"
WRAPPER = ("-f", str(PATCHES / "wrapper.mk"))
CMAKE_PORT = CRATE / "c-tests" / "rp2"

# In the way of the alif port. With OWN_OBJECTS it has a list of objects of its own, and links none.
OUTER = """
include $(MICROPYTHON_DIR)/py/mkenv.mk
include $(TOP)/py/py.mk
OBJ := $(if $(OWN_OBJECTS),$(BUILD)/py/gc.o)
all: $(BUILD)/core/scenarios
.PHONY: $(BUILD)/core/scenarios
$(BUILD)/core/scenarios:
\t$(MAKE) -f core.mk BUILD=$(BUILD)/core
include $(TOP)/py/mkrules.mk
"""
# What a port may have behind its rules: rules of its own for these objects.
INNER = """
ifdef OWN_RULE
$(patsubst %,$(BUILD)/py/%.o,gc pystack scheduler $(basename $(notdir $(wildcard $(TOP)/py/nlr*.c)))): \\
\t$(BUILD)/py/%.o: $(TOP)/py/%.c
\t$(call compile_c)
endif
"""


def another_makefile(builds):
    port = builds.work / "handing-port"
    shutil.copytree(MOCK_PORT, port, dirs_exist_ok=True)
    core = (MOCK_PORT / "Makefile").read_text()
    (port / "core.mk").write_text(core + INNER)
    (port / "Makefile").write_text(OUTER)
    build = builds.directory("handed on", "rust")
    usermod = f"USER_C_MODULES={PATCHES / 'usermod'}"

    def make(*options, entry, check=False):
        options = [f"MICROPYTHON_DIR={builds.tree}", *options]
        return builds.make(build, None, options, entry=entry, port=port, check=check)

    said = [one_message(make(entry=WRAPPER).stdout, "hands on to another makefile", usermod)]
    make(entry=(usermod,), check=True)
    done = subprocess.run(
        [build / "core" / "scenarios", "info"], check=False, stdout=subprocess.PIPE, text=True
    )
    expect(
        done.stdout == (build / "core" / "mpgc" / "info").read_text(),
        f"the program is not mpgc's: {done.stdout!r}",
    )
    make(entry=(usermod,), check=True)

    # rules of the port's own, which are read after the module's
    builds.forget_objects(build / "core")
    done = make("OWN_RULE=1", entry=(usermod,))
    expect(done.returncode != 0, "the C was linked without a word")
    said.append(one_message(done.stdout, "py/gc.o was compiled from C", "wrapper.mk"))
    # the same program, already linked, and a Makefile that looks as if it linked the objects
    done = make("OWN_OBJECTS=1", "OWN_RULE=1", entry=WRAPPER)
    expect(done.returncode != 0, "the C was linked without a word, by another makefile")
    said.append(one_message(done.stdout, "its Makefile hands on to another one", usermod))
    return f"{len(said)} messages"


def cmake(builds):
    """Variables of make reach CMake; a build directory that held C does not stay C."""
    for tool in ("cmake", "arm-none-eabi-gcc"):
        if shutil.which(tool) is None:
            raise Failed(f"{tool} is not found: run `python3 -m tools deps --test`")
    build = builds.directory("cmake port", "rust")
    shutil.rmtree(build, ignore_errors=True)

    def make(*options, entry=WRAPPER, check=False):
        options = [f"MICROPY_DIR={builds.tree}", f"-j{builds.jobs}", *options]
        return builds.make(build, None, options, entry=entry, port=CMAKE_PORT, check=check)

    def built():
        symbols = subprocess.run(
            ["nm", build / "firmware"], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        return symbols, (build / "mpgc" / "info").read_text()

    # A configured directory alone: nothing was compiled in it.
    subprocess.run(
        ["cmake", "-S", CMAKE_PORT, "-B", build, f"-DMICROPY_DIR={builds.tree}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        check=True,
    )
    one_message(make().stdout, "was configured without mpgc", "-DUSER_C_MODULES=")
    shutil.rmtree(build)

    # The two that are built into the lists of sources, which are not those of the next build.
    make("MPGC_PROFILE=size", "MPGC_PYTHON_MODULE=yes", "MPGC_KEEP_C=gc", check=True)
    symbols, info = built()
    carrier = next((build / "mpgc").rglob("*gc.c.o*"))
    expect("mpgc_module" in symbols, "the Python module is not in")
    expect("gc_alloc" not in globals_of([carrier]), "gc_alloc is not the C's")
    expect("small" in info, f"not what make was given: {info}")
    given = ("MPGC_PROFILE=size", "MPGC_CLEAR_ON_SWEEP=yes")
    one_message(
        make(*given).stdout, "when CMake configured this build", "give the same command again"
    )
    make(*given, check=True)
    symbols, info = built()
    expect("mpgc_module" not in symbols, "the Python module is still in")
    expect("gc_alloc" in globals_of([carrier]), "gc_alloc is still the C's")
    expect("small" in info and "clear on sweep" in info, f"not what make was given: {info}")

    make("MPGC_PROFILE=size", "MPGC_CLEAR_ON_SWEEP=OFF", check=True)
    info = built()[1]
    expect(
        "small" in info and "clear on sweep" not in info, f"not what make was given then: {info}"
    )
    before = carrier.stat().st_mtime_ns
    make("MPGC_PROFILE=size", check=True)
    expect(
        carrier.stat().st_mtime_ns == before, "the carrier was made anew, and nothing had changed"
    )
    does_not_fit(build, make)
    wrong = make("MPGC_PROFILE=size", "MPGC_NOSCAN=perhaps")
    expect(wrong.returncode != 0, "MPGC_NOSCAN=perhaps went through")
    one_message(wrong.stdout, "MPGC_NOSCAN=perhaps", "give 1 or 0")


def does_not_fit(build, make):
    """The linker's message is followed by mpgc's, but with the profile that it speaks of."""
    flags = "-DCMAKE_EXE_LINKER_FLAGS="
    small = ["cmake", f"{flags}-Wl,--defsym=sdk_flash_size=4096", build]
    for profile, notes in (("size", 0), ("speed", 1)):
        subprocess.run(small, stdout=subprocess.DEVNULL, check=True)
        said = make(f"MPGC_PROFILE={profile}").stdout
        expect("overflowed by" in said, f"it fits:\n{said}")
        found = [line for line in said.splitlines() if line.startswith("mpgc: note")]
        expect(
            len(found) == notes and all("MPGC_PROFILE=size" in line for line in found),
            f"{profile}: {found}",
        )
    subprocess.run(["cmake", flags, build], stdout=subprocess.DEVNULL, check=True)
    make("MPGC_PROFILE=size", check=True)
