# heapsize: 8M
# noscan
# Big buffers, dead and alive.

import gc
from timing import measure


def drop():
    bytearray(4 << 20)


gc.collect()
measure("dead-4MB-buffer", gc.collect, before=drop)
buffers = [bytes(100000), bytes(100000), bytes(100000), bytearray(100000)]
gc.collect()
measure("live-100kB-buffers", gc.collect, 20)
print(sum(map(len, buffers)), max(map(max, buffers)))
