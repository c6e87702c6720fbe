// The parts of a port with interrupts that MicroPython's qemu port lacks. Included before every
// file of the firmware (-include).

#if !defined(__ASSEMBLER__) && !defined(METAL_PORT_H)
#define METAL_PORT_H

#if defined(__arm__)
static inline unsigned int irq_off(void) {
    unsigned int before;
    __asm volatile ("mrs %0, primask\n\tcpsid i" : "=r" (before) : : "memory");
    return before;
}

static inline void irq_restore(unsigned int before) {
    __asm volatile ("msr primask, %0" : : "r" (before) : "memory");
}
#else
static inline unsigned int irq_off(void) {
    unsigned int before;
    __asm volatile ("csrrci %0, mstatus, 8" : "=r" (before) : : "memory");
    return before & 8;
}

static inline void irq_restore(unsigned int before) {
    __asm volatile ("csrs mstatus, %0" : : "r" (before) : "memory");
}
#endif

// With threads (./threads) the sections are functions, as they are where there are two cores.
#if defined(METAL_THREADS)
#define MICROPY_PY_THREAD (1)
#define MICROPY_PY_THREAD_GIL (0)
unsigned int metal_begin_atomic_section(void);
void metal_end_atomic_section(unsigned int state);
#define MICROPY_BEGIN_ATOMIC_SECTION() metal_begin_atomic_section()
#define MICROPY_END_ATOMIC_SECTION(state) metal_end_atomic_section(state)
#else
#define MICROPY_BEGIN_ATOMIC_SECTION() irq_off()
#define MICROPY_END_ATOMIC_SECTION(state) irq_restore(state)
#endif

// As ports with fast RAM place functions that interrupts call.
#define MICROPY_WRAP_MP_SCHED_SCHEDULE(f) __attribute__((section(".text.fast." #f))) f
#define MICROPY_WRAP_MP_SCHED_EXCEPTION(f) __attribute__((section(".text.fast." #f))) f

#endif
