# Runs on any build. Says what came through many collections, and last how many objects that nothing
# but the bytes of a buffer points at are still there.

import array
import gc
import struct
import uctypes


def collect():
    """Collects, and fills what was freed, so that what is lost is seen to be lost."""
    gc.collect()
    for i in range(50):
        [0xdead] * (i + 1)
        bytearray(b"\xdd" * (16 * i))
    gc.collect()


# An array of values that begins with a type looks like an object of that type, and its fourth value like data.
TYPES = (str, bytes, bytearray, array.array, memoryview, int)


def beginning_with_a_type(kind):
    child = [[kind], {"a": ["b", "c%d" % len(str(kind))]}]
    return [
        [kind, 0, 1, child],
        [kind, None, 40, tuple(child + [[i] for i in range(40)])],
        {kind: 1, 40: child},
        {kind: [kind, child], "k": child},
        [kind, 66, 2, {"x": child}],
    ]


arrays = [beginning_with_a_type(kind) for kind in TYPES]
expected = str(arrays)
collect()
print("arrays", str(arrays) == expected, len(expected))


# Instances of subclasses hold a native object, and attributes besides.
class Str(str):
    pass


class Bytes(bytes):
    pass


class Bytearray(bytearray):
    pass


class Array(array.array):
    pass


class Int(int):
    pass


def instances():
    many = [
        Str("s" * 300), Bytes(b"b" * 300), Bytearray(b"y" * 300), Array("H", range(300)), Int(3 ** 900),
    ]
    for i, one in enumerate(many):
        one.mine = ["attribute", [i], "x" * (100 + i)]
    return many


many = instances()
collect()
print("subclasses", len(many[0]), many[1] == b"b" * 300, sum(many[2]), sum(many[3]), many[4] % 1000007)
print([(one.mine[0], one.mine[1], len(one.mine[2])) for one in many])

# Elements that are no numbers are read; a memoryview may be all that keeps its buffer.
objects = array.array("O", [[i, [i]] for i in range(100)])
view_of_objects = memoryview(objects)
views = [memoryview(bytearray(range(200))), memoryview(array.array("I", range(100)))[20:], memoryview(b"q" * 500)]
collect()
print("arrays of objects", sum(one[1][0] for one in objects))
objects = None
collect()
print("their view", sum(view_of_objects[i][1][0] for i in range(100)), [sum(view) for view in views])

# A buffer over an object that others use too.
shared = [[i] for i in range(20)]
over = uctypes.bytearray_at(id(shared), 32)
collect()
print("shared", sum(one[0] for one in shared), len(over))
# and one that is all that is left of it: it begins with its type, so it is read
alone = uctypes.bytearray_at(id([[i] for i in range(30, 50)]), 32)
collect()
items = struct.unpack("PPPP", alone)[3]
items = struct.unpack("20O", uctypes.bytearray_at(items, 20 * struct.calcsize("O")))
print("alone", sum(one[0] for one in items))


# A collection at every allocation finds objects of which the type is set and nothing else.
def half_built():
    total = 0
    kept = []
    for i in range(40):
        kept.append([str(i) * i, bytes(i), bytearray(i * 3), array.array("d", range(i)), (i + 2) ** (i + 1), "%d-%s" % (i, "f" * i)])
        kept[i][2].extend(b"tail" * i)
        kept[i][3].append(i)
        total += len(kept[i][0].split(str(i))) + kept[i][4] % 1009
    for text, zeros, grown, floats, big, made in kept:
        total += len(text) + len(zeros) + sum(grown) + int(sum(floats)) + big % 997 + len(made)
    return total


gc.threshold(1)
print("half built", half_built())
gc.threshold(-1)
print("half built", half_built())


# What only bytes point at.
def hide(buffers):
    for i, buffer in enumerate(buffers):
        struct.pack_into("PP", buffer, 0, 1, id([i] * 1000))


def live():
    gc.collect()
    return gc.mem_alloc()


buffers = [bytearray(64) for _ in range(40)]
before = live()
hide(buffers)
print("hidden", max(live() - before, 0) // (1000 * struct.calcsize("P")))
