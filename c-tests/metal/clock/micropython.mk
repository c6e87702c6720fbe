ifeq ($(QEMU_ARCH),arm)
SRC_USERMOD_C += $(USERMOD_DIR)/clock.c
ifeq ($(METAL_HEAP_SIZE),1)
CFLAGS_USERMOD += -DMETAL_HEAP_SIZE=1
LDFLAGS += -Wl,--wrap=gc_init
endif
endif
