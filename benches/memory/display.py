# A display: the program has run for a while when it wants its framebuffers, and later larger ones.
import framebuf

readings = {}
labels = ["sensor %d" % i for i in range(30)]
history = []


class Gauge:
    def __init__(self, name, x, y):
        self.name = name
        self.at = (x, y)
        self.text = None
        self.trend = []

    def set(self, value):
        self.text = "%s: %.1f" % (self.name, value)
        self.trend.append(value)
        if len(self.trend) > 16:
            self.trend = self.trend[-8:]


gauges = [Gauge(name, i % 4 * 30, i // 4 * 8) for i, name in enumerate(labels)]


def measure(n):
    for i in range(n):
        gauge = gauges[i % len(gauges)]
        gauge.set(20 + (i * 37 % 101) / 10)
        readings[gauge.name] = (i, gauge.text)
        history.append("%d %s" % (i, gauge.text))
        if len(history) > 80:
            history.pop(0)


def draw(buffer, width, height, frames):
    screen = framebuf.FrameBuffer(buffer, width, height, framebuf.RGB565)
    for _ in range(frames):
        screen.fill(0)
        for gauge in gauges[:12]:
            screen.text(gauge.text or "-", gauge.at[0], gauge.at[1], 0xFFFF)
        measure(25)


measure(1500)
draw(bytearray(128 * 64 * 2), 128, 64, 40)
measure(500)
draw(bytearray(128 * 128 * 2), 128, 128, 30)
for size in range(6):
    sprite = bytearray(4096 + 1024 * size)
    measure(120)
    sprite = None
draw(bytearray(160 * 128 * 2), 160, 128, 10)
print(len(history), len(readings))
