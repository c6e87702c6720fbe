# heapsize: 8M 128M
# The pause of gc.collect() with 100 kB alive: the heap empty otherwise, or full of garbage.

import gc
from timing import measure

alive = [[i, i + 1, i + 2, i + 3] for i in range(1000)]


def fill():
    free = gc.mem_free()
    gc.disable()
    for _ in range(free // 1100):
        bytearray(1000)
    gc.enable()


gc.collect()
measure("pause-100kB-alive", gc.collect, 5)
measure("pause-100kB-alive-full", gc.collect, before=fill)
measure("mem_free", gc.mem_free, 3)
measure("mem_alloc", gc.mem_alloc, 3)
print(len(alive), alive[999])
