# Leaks of several kinds, each with a buffer of its own size, for the names that mpgc-heap gives
# them.

import gc


class Sensor:
    def __init__(self, name):
        self.name = name
        self.history = []

    def on_reading(self, value):
        self.history.append(value)


def make_counter():
    closed_over = bytearray(5003)

    def count():
        return len(closed_over)

    return count


def worker(first):
    local = bytearray(5005)
    while True:
        first += 1
        yield first, local


def with_default(value, buffer=bytearray(5006)):
    return value, buffer


class Node:
    attribute_of_class = bytearray(5007)


# A global list, a key of a dict that is no name, a closure, a bound method of an object that has
# no other name, a local variable of a generator, a default argument, and an attribute of a class.
log = [0, 1, bytearray(5001)]
cache = {"k%d" % i: [i] for i in range(20)}
cache["k3"].append((None, bytearray(5002)))
counter = make_counter()
sensor = Sensor("the sensor in the kitchen")
sensor.history.append(bytearray(5004))
callbacks = [sensor.on_reading]
del sensor
running = worker(10)
next(running)

gc.collect()
used = gc.mem_alloc()
print("used", used)
