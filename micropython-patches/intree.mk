# What the switch of micropython-<release>.patch includes at the end of py/py.mk.

include $(MPGC)/micropython-patches/module.mk
# mpy-cross shares py/py.mk but keeps its C.
ifneq ($(PROG),mpy-cross)
include $(MPGC)/micropython-patches/mpgc.mk
endif
