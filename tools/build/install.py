"""Builds the library for C programs (docs/firmware.md) and installs it: library, header, pkg-config
file, CMake package.
"""

import shutil
from pathlib import Path

from tools.build.firmware_lib import add_arguments, build, shared_name, soname, version
from tools.common import ROOT, Fail, say

__all__ = ["add_arguments", "install", "main"]

PKG_CONFIG = """\
prefix={prefix}
libdir=${{prefix}}/{libdir}
includedir=${{prefix}}/include

Name: mpgc
Description: Collected heap, LIFO stack, non-local return and scheduler for C programs
Version: {version}
Libs: -L${{libdir}} -lmpgc
Cflags: -I${{includedir}}
"""

CMAKE_CONFIG = """\
# find_package(mpgc) gives the targets mpgc::mpgc, the static library, and where it was built
# mpgc::shared.
get_filename_component(_mpgc_prefix "${{CMAKE_CURRENT_LIST_DIR}}/{up}" ABSOLUTE)
foreach(_mpgc_kind mpgc shared)
    if(_mpgc_kind STREQUAL "shared")
        set(_mpgc_type SHARED)
        set(_mpgc_file "${{_mpgc_prefix}}/{libdir}/{shared}")
    else()
        set(_mpgc_type STATIC)
        set(_mpgc_file "${{_mpgc_prefix}}/{libdir}/libmpgc.a")
    endif()
    if(EXISTS "${{_mpgc_file}}" AND NOT TARGET mpgc::${{_mpgc_kind}})
        add_library(mpgc::${{_mpgc_kind}} ${{_mpgc_type}} IMPORTED)
        set_target_properties(mpgc::${{_mpgc_kind}} PROPERTIES
            IMPORTED_LOCATION "${{_mpgc_file}}"
            INTERFACE_INCLUDE_DIRECTORIES "${{_mpgc_prefix}}/include")
    endif()
endforeach()
if(NOT TARGET mpgc::mpgc)
    set(mpgc_FOUND FALSE)
    set(mpgc_NOT_FOUND_MESSAGE "libmpgc.a is not in ${{_mpgc_prefix}}/{libdir}: install mpgc anew")
endif()
unset(_mpgc_prefix)
unset(_mpgc_kind)
unset(_mpgc_type)
unset(_mpgc_file)
"""

CMAKE_VERSION = """\
set(PACKAGE_VERSION "{version}")
if(PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION)
    set(PACKAGE_VERSION_COMPATIBLE FALSE)
elseif("${{PACKAGE_FIND_VERSION_MAJOR}}.${{PACKAGE_FIND_VERSION_MINOR}}" VERSION_EQUAL "{series}"
        OR NOT PACKAGE_FIND_VERSION)
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
else()
    set(PACKAGE_VERSION_COMPATIBLE FALSE)
endif()
if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
    set(PACKAGE_VERSION_EXACT TRUE)
endif()
"""


def absolute(prefix):
    if not Path(prefix).is_absolute():
        raise Fail(
            f"PREFIX={prefix} is not an absolute path: give one, as in `make install "
            "PREFIX=/usr/local`"
        )
    return Path(prefix)


def install(folder, prefix, destdir="", libdir="lib"):
    """Put library, header, pkg-config file and CMake package below the prefix (below `destdir`, if
    there is one).
    """
    prefix = absolute(prefix)
    root = Path(str(destdir) + str(prefix)) if destdir else prefix
    package = Path(libdir) / "cmake" / "mpgc"
    words = {
        "prefix": prefix,
        "libdir": libdir,
        "version": version(),
        "series": ".".join(version().split(".")[:2]),
        "up": "/".join([".."] * len(package.parts)),
        "shared": shared_name(),
    }
    texts = {
        Path(libdir) / "pkgconfig" / "mpgc.pc": PKG_CONFIG,
        package / "mpgc-config.cmake": CMAKE_CONFIG,
        package / "mpgc-config-version.cmake": CMAKE_VERSION,
    }
    copies = {
        Path("include/mpgc.h"): ROOT / "include" / "mpgc.h",
        Path(libdir) / "libmpgc.a": folder / "libmpgc.a",
    }
    copies[Path("share/doc/mpgc/LICENSE")] = ROOT / "LICENSE"
    copies[Path("share/doc/mpgc/firmware.md")] = ROOT / "docs" / "firmware.md"
    if (folder / shared_name()).exists():
        copies[Path(libdir) / shared_name()] = folder / shared_name()
    try:
        for path, text in texts.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text.format(**words))
        for path, source in copies.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, root / path)
        if (folder / shared_name()).exists():
            for link_name in (soname(), "libmpgc.so"):
                at = root / libdir / link_name
                at.unlink(missing_ok=True)
                at.symlink_to(shared_name())
    except OSError as error:
        raise Fail(
            f"cannot install below {root}: {error}; choose another PREFIX, or become root"
        ) from error
    return root


def main(args):
    absolute(args.prefix)
    folder = build(args.target, ("hardened",) if args.hardened else (), args.cargo)
    say(f"installed below {install(folder, args.prefix, args.destdir, args.libdir)}")
    return 0
