# The integration for ports without other user modules:
#
#     make -C ports/unix USER_C_MODULES=<mpgc>/micropython-patches/usermod
#
# A port with modules of its own can include this file from one of theirs.

include $(dir $(abspath $(lastword $(MAKEFILE_LIST))))../../module.mk
include $(MPGC_PATCHES_DIR)/mpgc.mk
