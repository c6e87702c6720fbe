# What the coverage variant's tests import, when micropython-lib is absent.
include("$(MPY_DIR)/extmod/asyncio")
freeze_as_str("$(PORT_DIR)/variants/coverage/frzstr")
freeze_as_mpy("$(PORT_DIR)/variants/coverage/frzmpy")
try:
    freeze_mpy("$(MPY_DIR)/tests/frozen")
except OSError:
    # 1.29 has it elsewhere
    freeze_mpy("$(MPY_DIR)/tests/assets")
