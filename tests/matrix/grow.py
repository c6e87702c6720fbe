# A heap that grows by itself: areas are got when it is full, and given back when nothing is in them.
import gc
import matrix

if not matrix.SPLIT_AUTO:
    print("SKIP: the heap does not grow")
    raise SystemExit


def size():
    return gc.mem_alloc() + gc.mem_free()


def fill(n):
    # Two blocks at least in each chunk, so that no area is left with its first block alone.
    data = [bytearray(3000) for _ in range(n)]
    for i, b in enumerate(data):
        b[0] = b[2999] = i & 255
    gc.collect()
    whole = all(b[0] == b[2999] == i & 255 and len(b) == 3000 for i, b in enumerate(data))
    return whole, size() > n * 3000, matrix.regions()


def deep(n):
    # Over what calls have left on the C stack.
    x = [n] * 10
    return deep(n - 1) if n else 0


# Nothing that lives on is made once there are new areas: not even space for another name.
small = large = after = again = None
small = size(), matrix.regions()
for large in range(1):
    large = fill(400)
    for _ in range(3):
        deep(30)
        gc.collect()
    after = size(), matrix.regions()
print("at first", small[1])
print("grown", large)
print("given back", after[1][1] > 0, after[1][1] <= after[1][0])
print("smaller", after[0] - small[0])
again = fill(300)
print("again", again[:2], again[2][0] > after[1][0])
