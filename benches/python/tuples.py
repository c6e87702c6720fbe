# heapsize: 32M
# Tuples of four with the collector switched off: two blocks each.

import gc
from timing import measure


def tuples():
    last = None
    for i in range(10000):
        last = (i, i, i, i)
    return last


gc.disable()
measure("4-tuples-gc-disabled", tuples, before=gc.collect)
print(tuples())
