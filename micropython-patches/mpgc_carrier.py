"""Makes one object of the Rust library, for a port's link, in the format of the port's compiler."""

import mpgc_xtensa
from mpgc_objects import commons, members, symbols_in, with_weak_functions
from mpgc_rust import Stop, first_error, run

# A bare machine's port has these functions (the division is libgcc's), and its C files call them.
# The carrier calls them too, instead of bringing those of Rust's compiler_builtins. On ARM rustc
# calls them by names of the ABI, which a port need not have, so shim.c defines those.
OF_THE_PORT = (
    "memcpy",
    "memmove",
    "memset",
    "__udivsi3",
    "__umodsi3",
    "__aeabi_uidiv",
    "__aeabi_uidivmod",
)
OF_THE_SHIM = [
    f"__aeabi_mem{name}{width}"
    for name in ("cpy", "move", "set", "clr")
    for width in ("", "4", "8")
]
# Likewise of the library of mingw-w64's compiler, whose C files call it where a frame is large.
OF_MINGW = ("___chkstk_ms",)
# The global pointer on MIPS. Relocations count from the one of their object. The linker's -r
# invents one for its output, counts from there, and records it nowhere; with that of the inputs no
# relocation changes.
GP = "_gp"
# On Windows each object that reads a variable of another one has its address under such a name, and
# the linker keeps one of the same name. The second ones hold what stands for a weak function.
SHARED_BY_OBJECTS = (".refptr.*", ".weak.*")


def is_bare(target):
    """Whether the target has no operating system."""
    return "-linux-" not in target and "windows" not in target


def lent(target):
    """The functions that the port's link has, so that the carrier brings none of its own."""
    if "windows" in target:
        return OF_MINGW
    return OF_THE_PORT if is_bare(target) else ()


def hide_others(work, exports, target):
    """The arguments of objcopy that make the exports the only global names.

    MIPS calls through an entry of the global offset table, which a local name cannot have: there
    Rust's own names and the shim's become weak.
    """
    names = work / "globals"
    if target.startswith("mips"):
        weakened = [f"--weaken-symbol={name}" for name in ("_R*", "_ZN*", "mpgc_shim_*")]
        return [f"--strip-symbol={GP}", "--wildcard", *weakened]
    windows = "windows" in target
    kept = [*exports, *(SHARED_BY_OBJECTS if windows else ())]
    names.write_text("".join(name + "\n" for name in kept))
    return [*(["--wildcard"] if windows else []), f"--keep-global-symbols={names}"]


def link(compiler, objcopy, output, work, library, exports, target):
    """One object, whose only globals are the exports, and which holds what they need.

    `compiler` are the words that call it, with what selects the architecture.
    """
    if target.startswith("wasm"):
        link_wasm(compiler, output, work, library, exports)
        return
    bare = is_bare(target)
    linked = work / "carrier.o"
    # Unreachable parts are dropped. Where small functions of the compiler's own lie in groups that
    # objects share (x86's thunks), the carrier's copies are to stay when its names become local;
    # COFF has no such groups.
    options = ["-Wl,--gc-sections"]
    if "windows" not in target:
        options.append("-Wl,--force-group-allocation")
    command = compiler + ["-r", "-nostdlib", *options, "-o", str(linked)]
    command += [f"-Wl,-u,{name}" for name in exports]
    if commons(library):
        # A header of the port defines variables, and -fcommon merges them. The linker drops those
        # that nothing uses, and refuses debug information that names them.
        command.append("-Wl,--strip-debug")
    command += [f"-Wl,--wrap={name}" for name in [*lent(target), *(OF_THE_SHIM if bare else [])]]
    if target.startswith("mips"):
        command.append(f"-Wl,--defsym={GP}=0")
    if mpgc_xtensa.is_ours(target):
        command.append(f"-Wl,--wrap={mpgc_xtensa.TRAP}")
        nlr_push = "nlr_push" if "nlr_push" in exports else None
        command += map(str, mpgc_xtensa.assemble(compiler, work / "llvm.s", work, nlr_push))
    run_linker(command + [str(library)])
    if "windows" in target:
        linked.write_bytes(with_weak_functions(linked.read_bytes()))
    command = objcopy.split() + hide_others(work, exports, target)
    command += [f"--redefine-sym=__wrap_{name}={name}" for name in lent(target)]
    arm = (".ARM.exidx*", ".rel.ARM.exidx*", ".ARM.extab*", ".rel.ARM.extab*")
    unwanted = [".llvmbc", ".llvmcmd", *arm]
    if bare:
        # A port's own objects have none, and the linker takes one that not all objects had for a
        # wish to run code on the stack.
        unwanted.append(".note.GNU-stack")
    for section in unwanted:
        command += ["--wildcard", "-R", section]
    done = run(command + [str(linked), str(output)])
    if done.returncode:
        raise Stop(f"{objcopy} cannot make {output}: {first_error(done.stderr)}")


def link_wasm(compiler, output, work, library, exports):
    """The same for WebAssembly, whose linker does not take `-u` with `-r`.

    So the objects that have the exports are named, and those of Rust's `core` are available to the
    linker. Nothing makes a name local, but none leaves the program that the port does not export;
    and the port's link drops what is not reached.
    """
    if "gc_alloc" not in exports:
        raise Stop(
            "MPGC_KEEP_C=gc is not for WebAssembly, where nothing makes mpgc's gc_alloc local: "
            "leave it out"
        )
    wanted, command = set(exports), [*compiler, "-r", "-nostdlib", "-o", str(output)]
    for number, (_, content) in enumerate(members(library.read_bytes())):
        if wanted & {symbol.name for symbol in symbols_in(content)}:
            path = work / f"carrier-{number}.o"
            path.write_bytes(content)
            command.append(str(path))
    run_linker([*command, str(library)])


def run_linker(command):
    done = run(command)
    if done.returncode:
        raise Stop(f"the Rust library does not link to one object: {first_error(done.stderr)}")
