# heapsize: 8M 128M
# Many lists alive: more than the mark stack has entries.

import gc
from timing import measure

lists = [[i] for i in range(3000)]
gc.collect()
measure("3000-lists", gc.collect, 5)
lists = [[i] for i in range(10000)]
gc.collect()
measure("10000-lists", gc.collect)
print(len(lists), sum(one[0] for one in lists))
