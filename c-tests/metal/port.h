// The parts of a port with interrupts that MicroPython's qemu port lacks. Included before every
// file of the firmware (-include).

#if !defined(__ASSEMBLER__)

static inline unsigned int irq_off(void) {
    unsigned int before;
    __asm volatile ("mrs %0, primask\n\tcpsid i" : "=r" (before) : : "memory");
    return before;
}

static inline void irq_restore(unsigned int before) {
    __asm volatile ("msr primask, %0" : : "r" (before) : "memory");
}

#define MICROPY_BEGIN_ATOMIC_SECTION() irq_off()
#define MICROPY_END_ATOMIC_SECTION(state) irq_restore(state)

// As ports with fast RAM place functions that interrupts call.
#define MICROPY_WRAP_MP_SCHED_SCHEDULE(f) __attribute__((section(".text.fast." #f))) f
#define MICROPY_WRAP_MP_SCHED_EXCEPTION(f) __attribute__((section(".text.fast." #f))) f

#endif
