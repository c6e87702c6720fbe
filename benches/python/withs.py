# heapsize: 512K 8M
# `with` in a loop: an object, a bound method or two, now and then an exception.

from timing import measure


class Guard:
    depth = 0

    def __enter__(self):
        Guard.depth += 1
        return self

    def __exit__(self, kind, value, trace):
        Guard.depth -= 1
        return True


def guarded():
    caught = 0
    for i in range(5000):
        with Guard():
            with Guard():
                if i % 10 == 0:
                    raise ValueError(i)
                caught += 1
    return caught


measure("with-loops", guarded)
print(guarded(), Guard.depth)
