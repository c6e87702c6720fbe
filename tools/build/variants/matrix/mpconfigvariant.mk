# The unix port with what the smoke set of tools/verify/matrix.py touches, and little else: it
# compiles fast.

FROZEN_MANIFEST =

MICROPY_PY_BTREE = 0
MICROPY_PY_FFI = 0
MICROPY_PY_SOCKET = 0
MICROPY_PY_SSL = 0
MICROPY_PY_TERMIOS = 0
MICROPY_USE_READLINE = 0
MICROPY_VFS_FAT = 0
MICROPY_VFS_LFS1 = 0
MICROPY_VFS_LFS2 = 0

# Threads are switched by mpconfigvariant.h, which the compiler flags of a cell overrule.
MICROPY_PY_THREAD = 0
LDFLAGS += -lpthread

# In place of mpconfigport.h, which it includes.
CFLAGS += -DMP_CONFIGFILE='"matrixport.h"'
