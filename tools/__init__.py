"""The tools behind `make`: `python3 -m tools help` lists the tasks, tools/tasks.py says where each
is done.
"""

import sys
from pathlib import Path

# The integration's own modules, which every port uses without these tools: mpgc_rust, mpgc_build
# and their like.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "micropython-patches"))
