# Jumps, calls and the scheduler, where there is no heap to collect.
import micropython
import matrix


def down(n):
    return 0 if n == 0 else 1 + down(n - 1)


def bad():
    return {}["nothing"]


def numbers(n):
    try:
        yield from range(n)
    finally:
        ends.append(n)


ends = []
print("down", down(20))
print("numbers", sum(numbers(6)), ends)
for depth in (0, 1, 20):
    print("C frames", depth, matrix.catch(bad, depth), matrix.catch(lambda: None, depth))
caught = 0
for i in range(200):
    try:
        raise OSError(i)
    except OSError as e:
        caught += e.args[0] == i
print("caught", caught)
try:
    down(100000)
except RuntimeError as e:
    print("end", e)

ran = []
for i in range(4):
    micropython.schedule(ran.append, i)
    micropython.schedule(ran.append, -i)
    for _ in range(100):
        pass
print("ran", ran)
try:
    matrix.interrupt()
    for _ in range(1000):
        pass
except KeyboardInterrupt:
    print("interrupted")
print("end")
