# What firmware of the qemu port freezes: what the port's own list names, which is given in
# `modules`, and a `unittest` of ours, since micropython-lib may be absent.
freeze("$(PORT_DIR)/test-frzmpy", options.modules)
module("unittest.py", base_path="../unittest-standin")
