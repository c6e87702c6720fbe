"""Incremental builds: what is made again, and what is not."""

import os
import shutil
import time

from .builds import CONFIGURATIONS, CRATE, expect, globals_of, tail


class Incremental:
    """A Rust build of the variant with the fewest files, whose headers are a copy, so that they can
    be touched.
    """

    def __init__(self, builds):
        self.builds = builds
        self.build = builds.directory("incremental", "rust")
        self.variants = builds.work / "variants"
        if not self.variants.exists():
            shutil.copytree(builds.port / "variants", self.variants)
        self.make()

    @classmethod
    def checks(cls):
        return [
            name
            for name in vars(cls)
            if name.endswith(("rebuilds", "rebuilds_nothing", "does_not"))
        ]

    def make(self, *options):
        options = [f"VARIANT_DIR={self.variants / 'minimal'}", *options]
        return self.builds.make(self.build, None, options).stdout

    def times(self):
        return [
            (self.build / name).stat().st_mtime_ns
            for name in ("py/gc.o", "py/pystack.o", "micropython")
        ]

    def nothing_changed_rebuilds_nothing(self, *options):
        before = self.times()
        said = self.make(*options)
        expect("RUST" not in said and "LINK" not in said, tail(said))
        expect(self.times() == before, "an object or the program was made anew")

    def changed(self, touched, *options):
        time.sleep(1.1)
        before = self.times()
        if touched:
            os.utime(touched)
        said = self.make(*options)
        after = self.times()
        expect(
            "RUST" in said and after[0] > before[0], f"the carrier was not made anew:\n{tail(said)}"
        )
        expect(after[2] > before[2], "the program was not linked anew")
        return said

    def a_header_of_the_port_rebuilds(self):
        self.changed(self.variants / "minimal" / "mpconfigvariant.h")
        self.nothing_changed_rebuilds_nothing()

    def a_header_of_another_variant_does_not(self):
        os.utime(self.variants / "coverage" / "mpconfigvariant.h")
        self.nothing_changed_rebuilds_nothing()

    def a_rust_file_rebuilds(self):
        before = (self.build / "py" / "vm.o").stat().st_mtime_ns
        self.changed(CRATE / "src" / "sched.rs")
        expect((self.build / "py" / "vm.o").stat().st_mtime_ns == before, "C was compiled anew")
        self.nothing_changed_rebuilds_nothing()

    def a_c_file_of_the_shim_rebuilds(self):
        self.changed(CRATE / "src" / "host" / "shim.h")

    def a_flag_rebuilds(self):
        self.changed(None, "CFLAGS_EXTRA=-DMPGC_CHECK_DROPIN=1")
        self.changed(None)

    def an_option_of_the_rules_rebuilds(self):
        self.changed(None, "MPGC_OPT_LEVEL=s")
        self.changed(None)

    def another_spelling_of_an_option_rebuilds_nothing(self):
        self.nothing_changed_rebuilds_nothing("MPGC_HARDENED=no", "MPGC_BUILD_TOOLS=/nowhere")

    def an_option_that_comes_and_goes_rebuilds(self):
        """The printed line, the one in the build directory and the one in the object are those of
        this build.
        """
        infos = []
        for options in (
            [],
            ["MPGC_HARDENED=1"],
            [],
            ["MPGC_HARDENED=1", "MPGC_TRACE_MARKS=1"],
            ["MPGC_HARDENED=1"],
            [],
        ):
            said = self.changed(None, *options) if infos else self.make()
            info = (self.build / "mpgc" / "info").read_text()
            printed = [line + "\n" for line in said.splitlines() if line.startswith("mpgc ")]
            expect(
                printed == [info] if infos else True, f"{options}: printed {printed}, left {info!r}"
            )
            for variable, word in (
                ("MPGC_HARDENED=1", "hardened"),
                ("MPGC_TRACE_MARKS=1", "trace marks"),
            ):
                expect((word in info) == (variable in options), f"{options}: {info}")
            expect(
                info.strip().encode() in (self.build / "py" / "gc.o").read_bytes(),
                f"{options}: not that carrier",
            )
            infos.append(info)
        expect(
            infos[0] == infos[2] == infos[5], f"three plain builds print different lines: {infos}"
        )

    def the_python_module_comes_and_goes_rebuilds(self):
        for on in (True, False):
            self.make(f"MPGC_PYTHON_MODULE={'yes' if on else 'no'}")
            registered = "mpgc" in (self.build / "genhdr" / "moduledefs.h").read_text()
            expect(registered == on, f"the module is {'not ' if on else ''}registered")
            self.nothing_changed_rebuilds_nothing(f"MPGC_PYTHON_MODULE={'on' if on else ''}")


def c_build_turns_into_rust(builds):
    build = builds.directory("minimal turned", "rust")
    variant, options = CONFIGURATIONS["minimal"]
    for _ in range(2):
        # Whatever an earlier round left is compiled from C.
        builds.forget_objects(build)
        builds.make(build, variant, options, builds.objects(build), entry=())
        builds.make(build, variant, options, builds.objects(build))
        names = globals_of(builds.objects(build))
        expect("mpgc_version" in names, "the C objects were kept")
        empty = globals_of(builds.objects(build)[1:])
        expect(not empty, f"compiled from C: {sorted(empty)}")


def the_heap_can_stay_in_c(builds):
    build = builds.directory("minimal kept", "rust")
    variant, options = CONFIGURATIONS["minimal"]
    for kept in ([], ["MPGC_KEEP_C=gc"], []):
        builds.make(build, variant, options + kept)
        carrier = build / "py" / ("pystack.o" if kept else "gc.o")
        expect(
            "mpgc_version" in globals_of([carrier]),
            f"{kept}: {carrier.name} does not carry the Rust",
        )
        expect(
            ("gc_alloc" in globals_of([carrier])) != bool(kept),
            f"{kept}: gc_alloc is in the wrong object",
        )
