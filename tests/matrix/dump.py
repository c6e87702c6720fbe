# The map of the heap: the same objects at the same places, before any collection.
import gc
import micropython

data = [[i, str(i), (i,), {i: bytes(i)}, bytearray(i)] for i in range(40)]
data.append(lambda: data)
del data[10:20]
micropython.mem_info(1)
print(gc.mem_alloc(), gc.mem_free())
x = bytearray(3000)
y = [0] * 500
print(gc.mem_alloc(), gc.mem_free())
micropython.mem_info()
