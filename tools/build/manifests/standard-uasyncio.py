# What a unix build freezes when micropython-lib is absent; for releases before 1.21.
include("$(MPY_DIR)/extmod/uasyncio")
