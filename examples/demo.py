# A MicroPython program that leans on the memory system, and checks what it does.
# Run it with `make run`. Each part asserts its results: a wrong one ends the program with an error.

import gc
import micropython
import sys
import time


class Node:
    def __init__(self, value, left, right):
        self.value = value
        self.left = left
        self.right = right


def tree(depth, value=1):
    if depth == 0:
        return None
    return Node(value, tree(depth - 1, 2 * value), tree(depth - 1, 2 * value + 1))


def tree_sum(node):
    return 0 if node is None else node.value + tree_sum(node.left) + tree_sum(node.right)


def allocate_and_keep():
    """A tree stays alive and whole while millions of objects come and go around it."""
    kept = tree(12)
    want = (1 << 12) * ((1 << 12) - 1) // 2
    made = 0
    for turn in range(100):
        for i in range(10000):
            pair = [i, (turn, i)]
            made += 2
            assert pair[1][1] == i
    assert tree_sum(kept) == want
    return "%d objects made, a tree of %d nodes kept whole" % (made, (1 << 12) - 1)


def grow_and_shrink():
    """Buffers that grow in place, move and shrink keep their bytes."""
    data = bytearray()
    for i in range(200000):
        data.append(i & 0xFF)
    assert all(data[i] == i & 0xFF for i in range(0, len(data), 997))
    words = {}
    for i in range(4000):
        words["key%d" % i] = i
    for i in range(0, 4000, 2):
        del words["key%d" % i]
    assert len(words) == 2000 and words["key3999"] == 3999
    return "200000 bytes appended one by one, 4000 keys in a dict"


def collect_frees():
    """What nothing refers to is free after a collection."""
    gc.collect()
    before = gc.mem_free()
    garbage = [bytearray(1000) for _ in range(300)]
    during = gc.mem_free()
    assert before - during >= 300000
    del garbage
    gc.collect()
    after = gc.mem_free()
    assert after > during + 250000, (before, during, after)
    return "%d bytes free, %d with garbage, %d after the collection" % (before, during, after)


def exhaust():
    """A full heap raises MemoryError, and the program goes on."""
    hoard = []
    raised = False
    try:
        while True:
            hoard.append(bytearray(100000))
    except MemoryError:
        raised = True
    pieces = len(hoard)
    hoard = None
    gc.collect()
    assert raised and pieces >= 2
    return "MemoryError after %d pieces of 100000 bytes" % pieces


def raise_from(depth, log):
    try:
        if depth == 0:
            raise ValueError("from the bottom")
        raise_from(depth - 1, log)
    finally:
        log.append(depth)


def guarded(log):
    try:
        yield 1
        yield 2
    finally:
        log.append("closed")


def exceptions():
    """Exceptions cross nested calls, run every finally, and leave generators closed."""
    caught = 0
    for _ in range(1000):
        log = []
        try:
            raise_from(20, log)
        except ValueError as error:
            assert str(error) == "from the bottom"
            caught += 1
        assert log == list(range(21))
    log = []
    generator = guarded(log)
    assert next(generator) == 1
    try:
        generator.throw(KeyError("thrown in"))
    except KeyError:
        caught += 1
    generator = guarded(log)
    next(generator)
    generator.close()
    assert log == ["closed", "closed"] and caught == 1001
    return "%d exceptions caught, each through 20 calls" % caught


def callbacks():
    """Scheduled callbacks all run, in order; a full queue says so and loses nothing."""
    ran = []
    for i in range(1000):
        micropython.schedule(ran.append, i)
    for _ in range(10):
        pass
    assert ran == list(range(1000))

    accepted = []
    refused = []

    def crowd(_):
        # No other callback runs while this one does, so the queue fills up.
        for i in range(20):
            try:
                micropython.schedule(ran.append, 1000 + i)
                accepted.append(1000 + i)
            except RuntimeError:
                refused.append(i)

    micropython.schedule(crowd, None)
    for _ in range(100):
        pass
    assert ran[1000:] == accepted and accepted and refused
    return "%d callbacks ran in order, %d refused by a full queue" % (len(ran), len(refused))


def finalisers():
    """The collector closes unreferenced files: far more than may be open at once."""
    with open(__file__) as f:
        want = f.read(20)
    for turn in range(30):
        for _ in range(100):
            f = open(__file__)
        assert f.read(20) == want
        f = None
        gc.collect()
    return "3000 files opened and left to the collector"


def threshold():
    """With a threshold the heap is collected early, and results stay right."""
    gc.threshold(50000)
    total = 0
    for i in range(100000):
        total += len("x%d" % i)
    gc.threshold(-1)
    assert total == 10 * 2 + 90 * 3 + 900 * 4 + 9000 * 5 + 90000 * 6
    return "100000 strings under gc.threshold(50000)"


def main():
    import mpgc

    print("MicroPython", sys.version)
    gc.collect()
    print("heap before: %d bytes free, %d used" % (gc.mem_free(), gc.mem_alloc()))
    for part in (
        allocate_and_keep,
        grow_and_shrink,
        collect_frees,
        exhaust,
        exceptions,
        callbacks,
        finalisers,
        threshold,
    ):
        start = time.ticks_ms()
        result = part()
        print(
            "  %-18s %5d ms  %s" % (part.__name__, time.ticks_diff(time.ticks_ms(), start), result)
        )
    gc.collect()
    print("heap after:  %d bytes free, %d used" % (gc.mem_free(), gc.mem_alloc()))
    micropython.mem_info()
    print("memory system:", mpgc.build_info())


main()
