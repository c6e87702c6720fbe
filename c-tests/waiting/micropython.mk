# A user C module for tools/verify/waiting.py alone: see waiting.c.
SRC_USERMOD += $(USERMOD_DIR)/waiting.c
LDFLAGS_USERMOD += -Wl,--wrap=gc_collect_end,--wrap=usleep,--wrap=mp_hal_ticks_us
