"""The one entry point: `python3 -m tools TASK [VARIABLE=value ...] [--option ...]`, which is what
`make TASK` runs.
"""

import sys
from pathlib import Path

if not __package__:
    # run as `python3 tools`: import it as a package, and keep this folder's modules from the top
    # level
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from tools.arguments import read
from tools.common import run_main


def main():
    task, module, args = read(sys.argv[1:])
    needs = getattr(module, "needs", task.needs)
    if needs and not args.no_deps:
        from tools.setup import deps

        deps.ensure(**needs(args))
    return module.main(args)


if __name__ == "__main__":
    run_main(main)
