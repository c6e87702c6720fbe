# Waits in the program, with interrupts off, and in an interrupt handler, while a collection is due
# each time: see tools/verify/metal_interrupts.py. Only the first may collect.
import gc
import irq


def idle(where):
    gc.collect()
    # more than a sixteenth of the heap
    for i in range(60):
        bytearray(1000)
    return irq.idle(where)


print("results", *[idle(where) for where in (0, 1, 2, 0)])
