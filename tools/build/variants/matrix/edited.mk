# The unix port with its own C. Where MATRIX_GC names a file, that is py/gc.c with an edit: the C's
# debug aids are switched on by one.

include Makefile

ifneq ($(MATRIX_GC),)
$(PY_BUILD)/gc.o: $(MATRIX_GC)
	$(call compile_c)
endif
