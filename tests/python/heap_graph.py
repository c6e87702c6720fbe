# Random structures of every kind, with cycles and garbage, collected a few times: what mpgc-heap
# finds reachable must be what is left. Prints how much that was after each.

import gc

seed = 1


def random(limit):
    global seed
    seed = (seed * 1103515245 + 12345) & 0x3FFFFFFF
    return (seed >> 8) % limit


class Plain:
    pass


class Slotted(list):
    def __init__(self, other):
        super().__init__()
        self.other = other


def closure(one, two):
    def inner():
        return one, two

    return inner


def generator(one):
    two = [one]
    while True:
        yield one, two


def started(one):
    made = generator(one)
    next(made)
    return made


def instance(one, two):
    made = Plain()
    made.one = one
    made.two = two
    return made


MAKERS = [
    lambda one, two: [one, two, one],
    lambda one, two: (one, two),
    lambda one, two: {"one": one, random(1000): two},
    lambda one, two: bytearray(random(200)),
    lambda one, two: "text of %d" % random(10000),
    lambda one, two: 1 << (30 + random(200)),
    lambda one, two: 1.0 / (1 + random(1000)),
    lambda one, two: Slotted(one),
    closure,
    instance,
    lambda one, two: started(one),
    lambda one, two: Slotted(two).append,
    lambda one, two: {i for i in range(random(9))},
    lambda one, two: memoryview(bytearray(random(50))),
    lambda one, two: map(one, [two]) if callable(one) else iter([one, two]),
    lambda one, two: ValueError(one, two),
]

kept = [None] * 40
lists = [[]]
used = [0] * 5
for round in range(5):
    for i in range(400):
        one, two = kept[random(40)], kept[random(40)]
        made = MAKERS[random(len(MAKERS))](one, two)
        kept[random(40)] = made
        if random(4) == 0:
            lists[random(len(lists))].append(made)
        if random(20) == 0:
            lists.append([lists[random(len(lists))]])
        if random(30) == 0:
            kept[random(40)] = None
    if len(lists) > 20:
        lists[random(20)] = []
        del lists[15:]
    one = two = made = None
    gc.collect()
    used[round] = gc.mem_alloc()

for value in used:
    print("used", value)
