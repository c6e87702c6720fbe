# The module `irq` of firmware that is tested under interrupts: see tools/metal_interrupts.py.
SRC_USERMOD_C += $(USERMOD_DIR)/irq.c
