# Snapshots that a program takes of itself: on a build of `make snapshot`, with the folder where
# they go and that of heap_leaks.py. The second is taken with a locked heap, the third with a full
# one.

import gc
import micropython
import mpgc
import sys

target, scripts = sys.argv[1:]
files = [open("%s/%s" % (target, name), "wb") for name in ("plain", "locked", "full")]
exec(open(scripts + "/heap_leaks.py").read())

try:
    mpgc.snapshot(1)
except OSError:
    print("no stream is refused")

gc.collect()
print("live", gc.mem_alloc())
mpgc.snapshot(files[0])

micropython.heap_lock()
mpgc.snapshot(files[1])
micropython.heap_unlock()

filled = []
size = 1 << 16
while size:
    try:
        filled.append(bytearray(size))
    except MemoryError:
        size >>= 1
before = gc.mem_alloc()
mpgc.snapshot(files[2])
print("allocated", gc.mem_alloc() - before)
