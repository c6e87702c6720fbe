# What the coverage variant's tests import, when micropython-lib is absent; for releases before
# 1.21.
include("$(MPY_DIR)/extmod/uasyncio")
freeze_as_str("$(PORT_DIR)/variants/coverage/frzstr")
freeze_as_mpy("$(PORT_DIR)/variants/coverage/frzmpy")
freeze_mpy("$(MPY_DIR)/tests/frozen")
