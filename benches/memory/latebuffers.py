# An application that has been at work for a while, and then wants large buffers: a screen, a larger one, pictures.
import framebuf
import json


class Item:
    def __init__(self, number):
        self.title = "item %d" % number
        self.place = (number * 37 % 120, number * 23 % 90)
        self.watchers = [lambda value: self.show(value)]
        self.shown = ""

    def show(self, value):
        self.shown = "%s=%s" % (self.title, value)


def settings(count):
    return {"item%d" % i: {"gain": i / 3, "unit": "V" if i % 2 else "A", "steps": list(range(i % 7))} for i in range(count)}


items = [Item(i) for i in range(36)]
known = json.loads(json.dumps(settings(36)))
history = []


def events(count, begin):
    for i in range(begin, begin + count):
        item = items[i * 7 % len(items)]
        for watcher in item.watchers:
            watcher(i)
        history.append({"at": i, "text": item.shown})
        if len(history) > 90:
            history.pop(0)
        json.dumps(history[-1])


def screen(width, height, rounds, begin):
    pixels = bytearray(width * height * 2)
    canvas = framebuf.FrameBuffer(pixels, width, height, framebuf.RGB565)
    for i in range(rounds):
        canvas.fill(i)
        for item in items[:10]:
            canvas.text(item.shown or item.title, *item.place, 0xFFFF)
        events(15, begin + 15 * i)
    return sum(pixels[i] for i in range(0, len(pixels), 101))


total = 0
events(900, 0)
total += screen(120, 64, 30, 900)
events(300, 1350)
total += screen(160, 100, 20, 1650)
events(300, 1950)
for i in range(6):
    picture = bytearray(6000 + 2500 * i)
    events(60, 2250 + 60 * i)
    total += len(picture)
print(len(known), len(history), total)
