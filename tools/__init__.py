"""The tools behind `make`: `python3 -m tools help` lists the tasks, tools/tasks.py names the module
of each.
"""

import sys
from pathlib import Path

# The modules of the integration (mpgc_rust, mpgc_build and others), which a port's build uses
# without these tools.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "micropython-patches"))
