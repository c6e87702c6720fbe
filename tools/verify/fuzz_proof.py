"""Proves that the fuzz targets report what they find: a fault is planted in each and must be found,
and the test that is printed for it is pasted into a package, compiled and run there.
"""

import copy

from tools.common import BUILD, ROOT, clean_env, run_logged, say, shown

WORK = BUILD / "fuzz" / "proof"

PACKAGE = """\
[package]
name = "pasted"
version = "0.0.0"
edition = "2024"

[dependencies]
libc = "0.2"
mpgc = {{ path = "{root}", features = ["testing"] }}
mpgc-heap = {{ path = "{root}/crates/mpgc-heap", default-features = false, features = ["testing"] }}
twins = {{ path = "{root}/c-tests/twins" }}

[profile.dev]
opt-level = 1

[workspace]
"""

# A trace for the twins is an entry of a list, which runs against the shared object.
KNOWN = """\
#[test]
fn pasted() {{
    use mpgc::heap::testing::*;
    use twins::known::Known;
    use twins::pair::Setup;
    let known: Vec<Known> = vec![
{text}    ];
    let named = std::env::var("MPGC_FUZZ_TWINS").expect("set by tools/verify/fuzz.py");
    for object in named.split(',') {{
        let (_, path) = object.split_once('=').expect("name=path");
        let twins = twins::twin::load(path).expect("the twins");
        for known in &known {{
            twins::run::replay(twins, known.setup, &known.steps)
                .expect("no difference without the plant");
        }}
    }}
}}
"""


def planted(fuzz, target, args, env):
    """The output of `fuzz` for a planted fault; None if it is not found."""
    args = copy.copy(args)
    args.seconds, args.input = "60", ""
    result = fuzz(target, args, {**env, "MPGC_FUZZ_PLANT": "1"}, corpus=False)
    before, _, test = result.text.partition("as a test:\n\n")
    if (
        result.good
        or not test.startswith("// it stops")
        or f"again: make fuzz TARGET={target} INPUT=" not in before
    ):
        say(f"{target}: a planted fault is not found, or not reported: {result.text or 'nothing'}")
        return None
    return test


def prove(fuzz, targets, args, env):
    """Returns how many targets reported their planted fault, and how many did not."""
    tests = {target: planted(fuzz, target, args, env) for target in targets}
    found = {target: test for target, test in tests.items() if test}
    (WORK / "src").mkdir(parents=True, exist_ok=True)
    (WORK / "Cargo.toml").write_text(PACKAGE.format(root=ROOT))
    text = "#![cfg(test)]\n"
    for target, test in found.items():
        # As in the library, but used from outside of it.
        test = test.replace("use crate::", "use mpgc::")
        test = KNOWN.format(text=test) if target == "heap_c" else test
        text += f"mod {target} {{\n{test}}}\n"
    (WORK / "src" / "lib.rs").write_text(text)
    # One thread: the twins' state is the process's.
    command = ["cargo", "test", "--manifest-path", WORK / "Cargo.toml", "--", "--test-threads=1"]
    log = WORK / "test.log"
    pasted = (
        run_logged(command, log, env=clean_env(**env), what="running what was pasted", fatal=False)
        == 0
    )
    ran = log.read_text(errors="replace").count(" ... ok\n")
    if found and (not pasted or ran != len(found)):
        say(
            "what is printed for a finding does not compile, or does not pass without the plant: "
            f"see {shown(log)}"
        )
        return 0, len(targets)
    for target, test in found.items():
        say(
            f"{target}: a planted fault is found, and printed as a test of "
            f"{len(test.splitlines())} lines that compiles"
        )
    return len(found), len(targets) - len(found)
