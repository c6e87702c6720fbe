# heapsize: 8M 128M
# One function more, and the mark stack is full. How many it takes depends on the order in which
# the globals lie.

import gc
from timing import measure


def functions(first, end):
    for i in range(first, end):
        exec("def f%d(a): return a + %d" % (i, i))
    gc.collect()
    measure("%d-functions" % end, gc.collect, 5)


functions(0, 60)
functions(60, 120)
functions(120, 240)
print(sum(globals()["f%d" % i](1) for i in range(240)))
