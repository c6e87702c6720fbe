# Runs each case of the module `heapbench`; HEAP, in bytes, is set by tools/measure/metal_bench.py.
import heapbench

heap = bytearray(HEAP)
number = 0
while True:
    told = heapbench.run(number, heap)
    if told is None:
        break
    print("case", *told)
    number += 1
print("end")
