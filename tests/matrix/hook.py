# How often the hook is called: tools/verify/matrix.py compares what the two builds say here.
import gc
import matrix

data = [[i, [i]] for i in range(400)]
gc.collect()
matrix.hooks()
gc.collect()
collect = matrix.hooks()
for i in range(1000):
    bytearray(100)
alloc = matrix.hooks()
if collect == 0:
    print("SKIP: no hook")
    raise SystemExit
print("HOOKS", collect, alloc)
