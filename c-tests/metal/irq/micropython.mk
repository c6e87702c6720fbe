# The module `irq` of firmware that is tested under interrupts: see
# tools/verify/metal_interrupts.py.
ifeq ($(QEMU_ARCH),arm)
SRC_USERMOD_C += $(USERMOD_DIR)/irq.c
endif
