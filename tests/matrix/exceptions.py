# Jumps: through Python frames, through C frames, out of generators, with a collection on the way.
import gc
import matrix


class Mine(Exception):
    def __init__(self, n, data):
        super().__init__(n)
        self.data = data


def raise_below(n):
    if n == 0:
        raise Mine(42, [bytes(50), {"a": list(range(10))}])
    try:
        return raise_below(n - 1)
    except ValueError:
        return None
    finally:
        seen.append(n)


total = 0
for turn in range(30):
    seen = []
    try:
        raise_below(12)
    except Mine as e:
        gc.collect() if turn % 10 == 0 else None
        total += e.args[0] + len(e.data[1]["a"]) + len(seen)
print("total", total)


def bad():
    return {}["nothing"]


for depth in (0, 1, 7, 20):
    print("C frames", depth, matrix.catch(bad, depth), matrix.catch(lambda: None, depth))


def nested():
    return matrix.catch(lambda: matrix.catch(bad, 3), 5)


print("nested", nested())


def generator():
    try:
        for i in range(10):
            yield i
    except ValueError as e:
        yield "caught"
    finally:
        closed.append(True)


closed = []
g = generator()
print(next(g), next(g), g.throw(ValueError), closed)
g = generator()
next(g)
g.close()
print("closed", closed)

# More exceptions than would fit if they were kept.
caught = 0
for i in range(3000):
    try:
        raise OSError(i, "some text that needs space %d" % i)
    except OSError as e:
        caught += e.args[0] == i
print("caught", caught)


def memory():
    kept = []
    while True:
        kept.append([0] * 200)


for _ in range(3):
    try:
        memory()
    except MemoryError:
        gc.collect()
print("free", len([0] * 2000))

try:
    try:
        1 // 0
    finally:
        total = -1
except ZeroDivisionError as e:
    print("finally", total, e)

# The last one ends the program, with its status.
raise SystemExit(7)
