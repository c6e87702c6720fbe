# A user C module for tools/measure/bench_memory.py alone: see watch.c.
SRC_USERMOD += $(USERMOD_DIR)/watch.c
