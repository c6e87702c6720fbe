# The door for ports without other user modules:
#
#     make -C ports/unix USER_C_MODULES=<mpgc>/micropython-patches/usermod

include $(USERMOD_DIR)/../../mpgc.mk
