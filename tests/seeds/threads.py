# Seed: a single mutex makes all entry points of the heap safe from several threads. Each thread
# allocates, grows, frees and collects, and looks at what it has; nobody's data may change under it.

import gc
import _thread
import time

THREADS = 4
ROUNDS = 150

done = []
wrong = []
lock = _thread.allocate_lock()


def work(number):
    kept = []
    try:
        for turn in range(ROUNDS):
            block = bytearray(bytes([number + 1]) * (turn * 7 % 300 + 1))
            kept.append(block)
            block.extend(bytes([number + 1]) * (turn % 40))
            if turn % 5 == 0:
                gc.collect()
            if turn % 7 == 0:
                gc.mem_free() + gc.mem_alloc()
            if len(kept) > 20:
                kept.pop(turn % 20)
            for one in kept:
                for byte in one[:4]:
                    if byte != number + 1:
                        wrong.append((number, turn))
                        return
    except Exception as e:
        wrong.append((number, repr(e)))
    finally:
        with lock:
            done.append(number)


for number in range(THREADS):
    _thread.start_new_thread(work, (number,))
while len(done) < THREADS:
    time.sleep(0.01)
print(sorted(done), wrong)
