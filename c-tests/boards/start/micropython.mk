# Runs before main() of the qemu port: see tools/setup/boards.py.
SRC_USERMOD_C += $(USERMOD_DIR)/start.c
LDFLAGS_USERMOD += -Wl,--wrap=main
