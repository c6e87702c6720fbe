# What the webassembly port freezes without micropython-lib, and a `unittest` of ours.
include("$(PORT_DIR)/variants/manifest.py")
module("unittest.py", base_path="../unittest-standin")
