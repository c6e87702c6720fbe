// The qemu port's configuration, with the native code of this processor.

#include "mpconfigport.h"

#define MICROPY_EMIT_XTENSA (1)
#define MICROPY_EMIT_INLINE_XTENSA (1)
#define MICROPY_GCREGS_SETJMP (1)

// The chip has addition and multiplication of floats in its ROM: the compiler's library has none.
#undef MICROPY_FLOAT_IMPL
#define MICROPY_FLOAT_IMPL (MICROPY_FLOAT_IMPL_NONE)
