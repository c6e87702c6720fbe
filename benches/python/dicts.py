# heapsize: 8M Wide dicts: one that grows, and a collection over several.

import gc
from timing import measure


def grow():
    wide = {}
    for i in range(10000):
        wide[i] = (i,)
    return wide


measure("wide-dict-grows", grow)
dicts = [{"%d" % i: [i] for i in range(500)} for _ in range(10)]
gc.collect()
measure("wide-dicts", gc.collect, 5)
print(len(grow()), sum(one["499"][0] for one in dicts))
