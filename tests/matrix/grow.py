# A heap that grows by itself: areas are got when it is full, and given back when nothing is in them.
import gc
import matrix

if not matrix.SPLIT_AUTO:
    print("SKIP: the heap does not grow")
    raise SystemExit


def fill(n):
    # Two blocks at least in each chunk, so that no area is left with its first block alone.
    return [bytearray(3000) for _ in range(n)]


got, given = matrix.regions()
print("at first", got, given)
data = fill(400)
for i, b in enumerate(data):
    b[0] = b[2999] = i & 255
got, given = matrix.regions()
print("grown", got, given)
gc.collect()
print("whole", all(b[0] == b[2999] == i & 255 and len(b) == 3000 for i, b in enumerate(data)))
total = gc.mem_alloc() + gc.mem_free()
print("larger", total > 400 * 3000)
del data, b
for _ in range(3):
    gc.collect()
got, now_given = matrix.regions()
print("given back", now_given > given, got >= now_given)
print("smaller", gc.mem_alloc() + gc.mem_free() < total)
data = fill(300)
print("again", len(data), matrix.regions()[0] > got)
