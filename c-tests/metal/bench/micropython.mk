# The module `heapbench` of firmware whose instructions are counted: see
# tools/measure/metal_bench.py.
ifeq ($(QEMU_ARCH),arm)
SRC_USERMOD_C += $(USERMOD_DIR)/bench.c
endif
