# Threads, for firmware with OPTIONS=threads.
SRC_USERMOD_C += $(USERMOD_DIR)/threads.c
