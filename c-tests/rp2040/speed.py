# Nanoseconds of an operation on the board, case by case. With QUIET no interrupt comes in between;
# without, the serial line is served meanwhile. The case of a name that begins with `gc_` is one
# operation.

import gc
import machine
import time


def timed(name, f, n=2000):
    gc.collect()
    state = machine.disable_irq() if QUIET else None
    start = time.ticks_us()
    f(n)
    ticks = time.ticks_diff(time.ticks_us(), start)
    if QUIET:
        machine.enable_irq(state)
    print("case", name, ticks * 1000 // n)


def loop(n):
    for i in range(n):
        pass


def no_allocation(n):
    x = 0
    for i in range(n):
        x = (x + i) & 1023


def call(n):
    def g():
        pass

    for i in range(n):
        g()


def list_of_one(n):
    for i in range(n):
        [i]


def tuple_of_two(n):
    for i in range(n):
        (i, i)


def float_product(n):
    x = 1.5
    for i in range(n):
        x * 1.01


def buffer_of_500(n):
    for i in range(n):
        bytearray(500)


def exception(n):
    for i in range(n):
        try:
            raise ValueError
        except ValueError:
            pass


def try_block(n):
    for i in range(n):
        try:
            pass
        except ValueError:
            pass


def append(n):
    made = []
    for i in range(n):
        made.append(i)


def mem_free(n):
    for i in range(n):
        gc.mem_free()


def collect(n):
    for i in range(n):
        gc.collect()


kept = [None] * 3000


def keep(n):
    for i in range(n):
        kept[i] = [i]


for f in (
    loop,
    no_allocation,
    call,
    list_of_one,
    tuple_of_two,
    float_product,
    exception,
    try_block,
    append,
):
    timed(f.__name__, f)
timed("buffer_of_500", buffer_of_500, 200)
gc.disable()
timed("keep", keep)
gc.enable()
timed("gc_collect_2000_alive", collect, 3)
for i in range(0, 2000, 2):
    kept[i] = None
gc.collect()
timed("refill", list_of_one, 900)
timed("gc_mem_free", mem_free, 20)
print("end")
