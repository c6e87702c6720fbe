# The figures of MPGC_STATS=1 against what the program has done: on a build of `make stats`. Prints a
# line for each claim.
import gc
import micropython
import mpgc
import sys


def claim(name, holds, *values):
    print(name, "holds" if holds else "is wrong", *values)


figures = mpgc.stats()
before = {}


def begin():
    gc.collect()
    mpgc.stats(figures)
    before.update(figures)


def more(name):
    return figures[name] - before[name]


begin()
gc.collect()
gc.collect()
mpgc.stats(figures)
claim("asked", more("asked") == 2 and more("full") == 0, more("asked"))
claim(
    "pauses",
    sum(figures["pauses"])
    == figures["asked"] + figures["full"] + figures["threshold"] + figures["idle"],
)
claim(
    "times",
    0 < figures["last_us"] <= figures["longest_us"] <= figures["total_us"],
    figures["longest_us"],
)

gc.collect()
used = gc.mem_alloc()
mpgc.stats(figures)
free = mpgc.max_free()
claim("live", figures["live_bytes"] == used, figures["live_bytes"], used)
claim("max_free", figures["max_free"] == free, figures["max_free"], free)

begin()
try:
    bytearray(1000000000)
except MemoryError:
    pass
mpgc.stats(figures)
claim("failures", more("failures") == 1 and more("full") == 1, more("failures"), more("full"))
claim("failed_bytes", 1000000000 <= figures["failed_bytes"] < 1000001000, figures["failed_bytes"])

begin()
kept = [bytearray(1000) for _ in range(50)]
mpgc.stats(figures)
claim("allocations", 101 <= more("allocations") < 130, more("allocations"))
claim("allocated_bytes", 50000 < more("allocated_bytes") < 60000, more("allocated_bytes"))
kept = None
gc.collect()
mpgc.stats(figures)
# a stale word may keep a few
claim("freed_bytes", 45000 < more("freed_bytes") < 60000, more("freed_bytes"))

begin()
gc.threshold(20000)
for _ in range(100):
    bytearray(1000)
gc.threshold(-1)
mpgc.stats(figures)
claim("threshold", 4 <= more("threshold") <= 6, more("threshold"))


begin()
for _ in range(20):
    # a file has a finaliser
    open(sys.argv[0])
gc.collect()
mpgc.stats(figures)
claim("finalised", 15 <= more("finalised") <= 20, more("finalised"))

# a straight line: the interpreter calls what is scheduled where a loop goes on
begin()
queued = {"n": 0, "schedule": micropython.schedule, "call": lambda _: None}
try:
    exec("schedule(call, 0); n += 1\n" * 40, queued)
except RuntimeError:
    pass
mpgc.stats(figures)
claim("sched", figures["peak_sched"] == queued["n"], figures["peak_sched"], queued["n"])
claim("sched_refused", more("sched_refused") == 1, more("sched_refused"))


def deep(n):
    return deep(n - 1) if n else micropython.pystack_use()


deepest = deep(12)
mpgc.stats(figures)
claim(
    "pystack",
    deepest - 200 <= figures["peak_pystack"] <= deepest + 400,
    figures["peak_pystack"],
    deepest,
)

micropython.heap_lock()
mpgc.stats(figures)
micropython.heap_unlock()
claim("locked", True)

mpgc.reset_stats()
mpgc.stats(figures)
claim(
    "reset",
    figures["asked"] == figures["total_us"] == figures["peak_sched"] == 0 < figures["live_bytes"],
)
