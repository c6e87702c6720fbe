"""Lists the tasks, or the arguments of one."""

from tools import arguments
from tools.common import say
from tools.tasks import SECTIONS


def add_arguments(parser):
    parser.add_argument("task", nargs="?", default="", help="show the arguments of this task")


def main(args):
    if args.task:
        arguments.read([args.task, "--help"])
    say(
        "make TASK [RELEASE=1.25.0|1.26.1] [MICROPYTHON_DIR=...] "
        '[VARIANT=standard|coverage|minimal] [OPTIONS="..."]'
    )
    for section, tasks in SECTIONS.items():
        say(f"\n{section}:")
        for task in tasks:
            say(f"  {task.name:<18} {task.does}")
    say(
        "\n`python3 -m tools help TASK` lists all that a task takes; tools/tasks.py says where "
        "its code is."
    )
    return 0
