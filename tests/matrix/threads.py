# Threads on one heap: each keeps what it has, while all of them collect.
try:
    import _thread
except ImportError:
    print("SKIP: no threads")
    raise SystemExit
import gc
import matrix

N = 4
lock = _thread.allocate_lock()
results = []


def work(me):
    kept, good = [], True
    for i in range(60):
        kept.append([me, i, bytearray([me] * (i + 1)), {me: i}])
        [[i] for _ in range(20)]
        if i % 20 == me:
            gc.collect()
        try:
            if i % 10 == 9:
                raise ValueError(i)
        except ValueError as e:
            good = good and e.args[0] == i
    for i, (a, b, c, d) in enumerate(kept):
        good = good and a == me and b == i and c == bytes([me] * (i + 1)) and d == {me: i}
    with lock:
        results.append((me, good))


for me in range(N):
    _thread.start_new_thread(work, (me,))
turns = 0
while len(results) < N and turns < 20000:
    matrix.wait(1)
    turns += 1
print(sorted(results))
