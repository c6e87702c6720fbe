# Runs each case of the module `heapbench`; HEAP, in bytes, is set by tools/measure/metal_bench.py.
import heapbench

heap = bytearray(HEAP)
number = 0
while True:
    result = heapbench.run(number, heap)
    if result is None:
        break
    print("case", *result)
    number += 1
print("end")
