# The heap from Python: live objects stay intact, dead ones are freed, and what does not fit is
# refused.
import gc
import micropython
import matrix


def tree(depth):
    return (tree(depth - 1), [depth, {depth: bytes(depth)}], tree(depth - 1)) if depth else None


def count(node):
    if node is None:
        return 0
    left, middle, right = node
    depth = middle[0]
    assert middle[1][depth] == bytes(depth), depth
    return count(left) + 1 + count(right)


kept = tree(8)
for i in range(60):
    tree(6)
    if i % 20 == 0:
        gc.collect()
print("tree", count(kept))

# Growth in place and by moving.
buffers = [bytearray() for _ in range(8)]
for i in range(300):
    for b in range(8):
        buffers[b].append((i * (b + 1)) & 255)
print("buffers", all(buffers[b][i] == (i * (b + 1)) & 255 for b in range(8) for i in range(300)))
strings = ["%d" % i * 3 for i in range(200)]
gc.collect()
print("strings", sum(len(s) for s in strings), strings[-1])

# A list of the largest possible blocks, until the heap is full; then memory is free again.
taken = []
try:
    while True:
        taken.append(bytearray(4000))
except MemoryError:
    print("full", len(taken) > 10)
del taken
gc.collect()
print("free", len(bytearray(20000)), count(kept))

used, free = gc.mem_alloc(), gc.mem_free()
print("sum", used > 0, free > 0)
try:
    bytearray(1 << 28)
except MemoryError as e:
    print("too large", e)

# Collects return how many objects they freed, where that is built in. A stale word may keep all of one round until the next.
gc.collect()
freed = []
for i in range(3):
    dead = [[i] for i in range(500)]
    del dead
    freed.append(gc.collect())
print("freed", None if None in freed else max(freed) >= 490)

if hasattr(gc, "threshold"):
    print("threshold", gc.threshold())
    gc.threshold(5000)
    print("threshold", gc.threshold())
    before = matrix.hooks()
    for i in range(2000):
        [i]
    print("collected meanwhile", gc.mem_alloc() < used + 60000)
    gc.threshold(-1)

gc.disable()
print("enabled", int(gc.isenabled()))
gc.enable()

micropython.heap_lock()
try:
    [1, 2, 3].append(4)
    x = [0] * 100
    print("not locked")
except MemoryError as e:
    locked = True
micropython.heap_unlock()
print("locked", locked, micropython.heap_locked())

# What is not asked to be zero is zero with conservative clear alone.
gc.collect()
matrix.dirty(960)
print("dirt", int(matrix.fresh(960) > 0))
print("end", count(kept))
