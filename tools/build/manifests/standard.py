# What a unix build freezes when micropython-lib is absent.
include("$(MPY_DIR)/extmod/asyncio")
