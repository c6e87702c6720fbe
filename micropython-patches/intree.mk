# What the switch of micropython-<release>.patch includes at the end of py/py.mk.

ifeq ($(wildcard $(MPGC)/micropython-patches/mpgc.mk),)
$(error mpgc: MPGC=$(MPGC) is not a clone of mpgc; set it to one, or leave it empty for the C files)
endif

include $(MPGC)/micropython-patches/module.mk
# mpy-cross shares py/py.mk but keeps its C.
ifneq ($(PROG),mpy-cross)
include $(MPGC)/micropython-patches/mpgc.mk
endif
