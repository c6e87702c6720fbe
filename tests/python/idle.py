# A loop with deadlines, collections while it waits, and a stale word: on a build of tools/verify/waiting.py.
# Prints figures, which the tool compares.
import _thread
import gc
import waiting

PERIOD, DEADLINE, WORK = 20_000, 6_000, 4_000
kept = {}


def stale(clear):
    # Of all that is alive, the figures differ by the buffer alone.
    data = bytearray(10_240)
    waiting.plant(data)
    data = None
    # the argument above is still in this frame, until another takes its place
    waiting.work(0)
    if clear:
        waiting.clear_stack()
    waiting.collect_deep()
    return gc.mem_alloc()


first = stale(False)
second = stale(True)
print("stale", first - second)


def request(i):
    text = "request %d" % i
    kept[i % 100] = [text, bytes(40), (i, i + 1)]
    return [text.upper() + str(n) for n in range(60)]


def loop(n, wait):
    gc.collect()
    missed = 0
    waits = 0
    begun = waiting.collections()
    for i in range(n):
        due = waiting.now() // PERIOD * PERIOD + PERIOD
        before = waiting.collections()
        while True:
            left = (due - waiting.now()) // 1000
            if left <= 0:
                break
            wait(left)
        waits += waiting.collections() - before
        request(i)
        waiting.work(WORK)
        missed += waiting.now() > due + DEADLINE
    return missed, waits, waiting.collections() - begun


print("wait", *loop(3000, waiting.wait))


def idle(ms):
    waiting.idle(ms)
    waiting.wait(1)


print("idle", *loop(3000, idle))


def used(n):
    for i in range(n):
        request(i)


# too short for a collection; long enough; nothing to collect; automatic collections off
gc.collect()
used(40)
print("short", waiting.idle(1), "long", waiting.idle(1000), "again", waiting.idle(1000))
gc.collect()
gc.disable()
used(4)
print("disabled", waiting.idle(1000))
gc.enable()
print("enabled", waiting.idle(1000))
used(40)
print("heap locked", waiting.while_locked(True), "scheduler locked", waiting.while_locked(False))
used(40)
before = waiting.collections()
waiting.wait(-1)
print("indefinite", waiting.collections() - before)

# another thread waits while as much is due: it must leave the main thread's finalisers alone
used(40)
before = waiting.collections()
tried = []


def wait_elsewhere():
    tried.append(waiting.idle(1000))
    waiting.wait(1000)
    tried.append(waiting.collections() - before)


_thread.start_new_thread(wait_elsewhere, ())
while len(tried) < 2:
    pass
print("other thread", sum(tried))
print("main thread", waiting.idle(1000))
