"""Loads what mpgc-heap exports into the programs that it is for: memlab, the parser of Chrome's
DevTools, and ms_print. Their totals must be those of the heap.

The packages of npm are installed under build/heap-export, in fixed versions.
"""

import json
import re
import shutil
import subprocess

from tools.common import BUILD, ROOT, clean_env, run_logged
from tools.verify.heap_answers import answer, chunks_of

WORK = BUILD / "heap-export"
SOURCES = ROOT / "tools" / "verify" / "heap_exports"
LOCALES = """\
export const LOCALES = ["en-US"], BUNDLED_LOCALES = ["en-US"], DEFAULT_LOCALE = "en-US";
export const REMOTE_FETCH_PATTERN = "", LOCAL_FETCH_PATTERN = "";
"""


def install():
    """The packages, once."""
    WORK.mkdir(parents=True, exist_ok=True)
    wanted = (SOURCES / "package.json").read_text()
    there = WORK / "package.json"
    if not there.exists() or there.read_text() != wanted or not (WORK / "chrome.mjs").exists():
        there.write_text(wanted)
        # Nothing here opens a browser; a script of memlab's packages would download one.
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]
        run_logged(
            command, WORK / "npm.log", cwd=WORK, what="installing memlab and Chrome's parser"
        )
        devtools = WORK / "node_modules" / "chrome-devtools-frontend" / "front_end"
        # Its build would generate this.
        (devtools / "core" / "i18n" / "locales.js").write_text(LOCALES)
        bundle = [
            WORK / "node_modules" / ".bin" / "esbuild",
            SOURCES / "chrome.ts",
            "--bundle",
            "--platform=node",
            "--format=esm",
            "--target=node20",
            "--log-level=error",
            f"--alias:devtools={devtools}",
            f"--outfile={WORK / 'chrome.mjs'}",
        ]
        run_logged(bundle, WORK / "esbuild.log", cwd=WORK, what="bundling Chrome's parser")
    shutil.copy(SOURCES / "memlab.cjs", WORK / "memlab.cjs")


def totals(script, file, *more):
    """What a script of this folder prints of the heap."""
    done = subprocess.run(
        ["node", str(WORK / script), str(file), *more],
        cwd=WORK,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=clean_env(),
        text=True,
        timeout=600,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    try:
        return json.loads(lines[-1])
    except (ValueError, IndexError):
        return {"it says": done.stdout[-2000:]}


def check_programs(checks, tool, program, core, folder):
    """Bytes, nodes and what an object retains, by each program."""
    install()
    snapshot, massif, flame = (
        folder / f"live.{kind}" for kind in ("heapsnapshot", "massif", "json")
    )
    answer(tool, "export", core, "--elf", program, "--output", snapshot)
    about = json.loads(snapshot.read_text())["snapshot"]
    live = chunks_of(answer(tool, "list", core, "--elf", program), "live")
    text = answer(tool, "why", core, "Sensor", "--elf", program, "--top", "1")
    retained = int(re.search(r"retains (\d+)", text)[1])
    expected = {
        "nodes": about["node_count"],
        "edges": about["edge_count"],
        "bytes": sum(size for _, size in live),
        "retained": retained,
    }
    for script, name in (("memlab.cjs", "memlab"), ("chrome.mjs", "the parser of DevTools")):
        found = totals(script, snapshot, "Sensor")
        checks.add(f"{name} reads {expected}", found == expected, f"{found}")
    answer(tool, "export", core, "--elf", program, "--format", "massif", "--output", massif)
    if shutil.which("ms_print"):
        done = subprocess.run(
            ["ms_print", "--threshold=0", str(massif)],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        total = f"{expected['bytes']:,}"
        good = re.search(rf"^ +0 +0 +{total} +{total} +0 +0$", done.stdout, re.M)
        good = good and ".callbacks" in done.stdout
        checks.add(f"ms_print reads {total} bytes", good, done.stdout[-2000:])
    answer(tool, "export", core, "--elf", program, "--format", "speedscope", "--output", flame)
    profile = json.loads(flame.read_text())["profiles"][0]
    total = sum(profile["weights"])
    good = total == profile["endValue"] == expected["bytes"]
    checks.add(f"speedscope's file has {total} bytes", good, f"{expected}")
