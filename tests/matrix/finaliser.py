# Finalisers: each runs once, in the order of the addresses; what they raise goes no further.
import gc
import matrix

if not matrix.FINALISER:
    print("SKIP: no finalisers")
    raise SystemExit

# Nothing may be allocated while the heap collects.
ran = [None] * 400
ends = [0]
boom = ValueError("goes no further")


def died(x):
    ran[ends[0]] = x
    ends[0] += 1
    # By turn, not by object: any one of them may live on.
    if ends[0] % 30 == 3:
        raise boom


def make(n):
    for i in range(n):
        matrix.Dying(died, i)


gc.collect()
kept = matrix.Dying(died, 1000)
gc.disable()
make(100)
gc.enable()
gc.collect()
first = ran[:ends[0]]
# A stale word may keep one or another until later.
print("most at once", len(set(first)) >= 95)
print("in order", all(a <= b for a, b in zip(first, first[1:])))
print("once", len(set(first)) == len(first))
for _ in range(3):
    make(1)
    gc.collect()
print("each", sum(x in ran for x in range(100)) >= 90)
print("kept", 1000 not in ran)
print("end")
