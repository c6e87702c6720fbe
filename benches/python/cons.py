# heapsize: 8M
# Lists of pairs: a node knows the next one, and in the second kind a list of its own.

import gc
from timing import measure

plain = None
for i in range(50000):
    plain = (i, plain)
gc.collect()
measure("cons", gc.collect)
plain = None
branched = None
for i in range(1200):
    branched = ([i], branched)
gc.collect()
measure("cons-with-lists", gc.collect)
total = 0
while branched:
    total += branched[0][0]
    branched = branched[1]
print(total)
