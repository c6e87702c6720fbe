# A program for a board that runs out of memory. docs/snapshot.md finds out why.


class Screen:
    def __init__(self):
        self.drawn = []

    def draw(self, frame):
        self.drawn.append(frame)


class Clock:
    def __init__(self, screen):
        self.screen = screen

    def tick(self, seconds):
        frame = bytearray(512)
        frame[:6] = b"%06d" % seconds
        self.screen.draw(frame)


clock = Clock(Screen())
for seconds in range(180):
    clock.tick(seconds)
photo = bytearray(60000)
