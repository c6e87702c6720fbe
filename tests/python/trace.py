# The trace of MPGC_TRACE=1: on a build of `make stats`, with the file where it goes. Prints how many
# collections and failures there were, by the figures.
import gc
import sys

import mpgc

gc.collect()
for n in range(5):
    [bytearray(1000) for _ in range(20)]
    gc.collect()
gc.disable()
try:
    bytearray(1 << 30)
except MemoryError:
    pass
gc.enable()
# a full heap
kept = None
for n in range(20000):
    kept = bytearray(1000)
file = open(sys.argv[1], "wb")
figures = mpgc.stats()
collections = figures["asked"] + figures["full"] + figures["threshold"] + figures["idle"]
freed = figures["freed_objects"]
failures = figures["failures"]
mpgc.trace_dump(file)
file.close()
print(collections, figures["asked"], freed, failures)
