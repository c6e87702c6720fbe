"""Which Rust is there, and what it lacks."""

import re
import shutil
import subprocess

from mpgc_rust import Stop, choose_toolchain
from mpgc_xtensa import is_ours

from tools.common import ROOT, Fail, run_caught, say


def rust_for(target):
    """Whether an installed toolchain has Rust's library for the target, or its source."""
    # Drivers that are built for another machine with an operating system have std.
    crate = "std" if "-linux-" in target else "core"
    try:
        choose_toolchain(target, crate=crate)
    except Stop:
        return False
    return True


def add_rust_target(target):
    """Let rustup add Rust's library for a target, which is smaller and quicker than Debian's
    compiler.

    Without rustup, or without a server, the packages that needs_of() names are installed instead.
    """
    if shutil.which("rustup") is None or is_ours(target.rust) or rust_for(target.rust):
        return
    say(f"adding Rust's library: rustup target add {target.rust}")
    command = ["rustup", "target", "add", target.rust]
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, check=False, timeout=120)
    except subprocess.TimeoutExpired:
        say("rustup failed; using Debian's Rust")


def check_rust_tools():
    for tool, component in (("fmt", "rustfmt"), ("clippy", "clippy")):
        if run_caught(["cargo", tool, "--version"]).returncode != 0:
            raise Fail(f"`cargo {tool}` does not work: run `rustup component add {component}`")


def check_rust():
    """cargo is never installed by these tools: the user chooses which one to use."""
    cargo = shutil.which("cargo")
    remedy = (
        "install Rust with rustup (https://rustup.rs), then open a new shell so that `cargo` "
        "is in PATH"
    )
    if not cargo:
        raise Fail(f"`cargo` is not in PATH: {remedy}")
    text = run_caught([cargo, "--version"]).stdout
    match = re.search(r"cargo (\d+)\.(\d+)", text)
    if not match:
        raise Fail(f"`cargo --version` gives no version but: {text.strip()}; {remedy}")
    oldest = re.search(r'^rust-version = "(\d+)\.(\d+)', (ROOT / "Cargo.toml").read_text(), re.M)
    if tuple(map(int, match.groups())) < tuple(map(int, oldest.groups())):
        raise Fail(
            f"{text.strip()} is too old, mpgc needs {'.'.join(oldest.groups())}: run `rustup "
            f"update stable`, or {remedy}"
        )
