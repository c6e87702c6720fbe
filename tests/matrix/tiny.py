# A little of everything, for a heap of a few hundred blocks.
import gc


def pair(n):
    return [n, pair(n - 1)] if n else None


gc.collect()
kept = pair(6)
for i in range(30):
    pair(5)
gc.collect()
n = 0
while kept:
    n += kept[0]
    kept = kept[1]
print("sum", n)
try:
    bytearray(1 << 20)
except MemoryError as e:
    print(e)
print("end")
