// Runs before the qemu port's main() and does what its start does not: switches the floating-point
// unit on, and makes the Python stack.

#include "py/pystack.h"
#include "py/runtime.h"

int __real_main(int argc, char **argv);

#if MICROPY_ENABLE_PYSTACK
static mp_obj_t pystack[1024];
#endif

int __wrap_main(int argc, char **argv) {
    #if defined(__ARM_FP) && defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
    // Access to coprocessors 10 and 11 (CPACR of the ARMv7-M manual), which is off at reset.
    *(volatile uint32_t *)0xe000ed88 |= 0xfu << 20;
    __asm volatile ("dsb\n\tisb" : : : "memory");
    #endif
    #if MICROPY_ENABLE_PYSTACK
    mp_pystack_init(pystack, pystack + MP_ARRAY_SIZE(pystack));
    #endif
    return __real_main(argc, argv);
}
