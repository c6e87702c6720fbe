# The scheduler: order, a full queue, callbacks that schedule, raise and lock, exceptions from outside.
import micropython
import matrix

if hasattr(matrix, "interrupt"):
    # Pending for the main thread; raised where the next bytecode looks.
    try:
        matrix.interrupt()
        for _ in range(1000):
            pass
        print("not interrupted")
    except KeyboardInterrupt:
        print("interrupted")

if hasattr(matrix, "abort"):
    def spin():
        matrix.abort()
        for _ in range(1000):
            pass
        return "not aborted"

    print("abort", matrix.abortable(spin), matrix.abortable(lambda: "returned"))

matrix.polls()
matrix.nowait()
matrix.wait(0)
matrix.wait(2)
print("polled", int(matrix.polls() > 0))

if not hasattr(micropython, "schedule"):
    print("SKIP: no scheduler")
    raise SystemExit

ran = []
matrix.scheduled()


def again(x):
    ran.append(x)
    if x < 3:
        micropython.schedule(again, x + 1)


def settle():
    for _ in range(100):
        pass


micropython.schedule(again, 0)
settle()
print("again", ran)


def fill(_):
    # The queue is not emptied while a callback runs.
    n = 0
    try:
        while n < 1000:
            micropython.schedule(ran.append, n)
            n += 1
    except RuntimeError as e:
        print("full", n, e)


ran.clear()
micropython.schedule(fill, None)
settle()
print("in order", ran)

ran.clear()


def bad(x):
    raise ValueError(x)


def schedule(function, x):
    # A queue of one place takes the next callback once it has run this one.
    try:
        micropython.schedule(function, x)
    except RuntimeError as e:
        print(e)
        settle()
        micropython.schedule(function, x)


schedule(ran.append, 1)
schedule(bad, 2)
schedule(ran.append, 3)
settle()
print("went on", ran)
print("hook", matrix.scheduled())

if hasattr(matrix, "node"):
    before = matrix.ran()
    print("node", matrix.node())
    settle()
    print("ran", matrix.ran() - before)

    def twice(_):
        print("twice", int(matrix.node()), int(matrix.node()))

    micropython.schedule(twice, None)
    settle()
    print("ran", matrix.ran() - before)
print("end")
