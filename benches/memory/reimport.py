# Modules imported from their source, used, dropped and imported again, while some of what they made stays.
import io
import json
import sys
import vfs

kept = {"values": [], "made": {}}


def source(number):
    names = ["part%d" % i for i in range(3 + number * 5 % 11)]
    text = ['"""Module %d."""\n' % number, "LIMITS = {%s}\n" % ", ".join("%r: %d" % (name, len(name) * number) for name in names)]
    for i, name in enumerate(names):
        text.append("def %s(value, scale=%d):\n    if value > LIMITS[%r]:\n        return '%s:%%d' %% (value - scale)\n" % (name, i, name, name))
        text.append("    return [value + step for step in range(scale + 1)]\n")
    text.append("class Maker:\n    def __init__(self, name):\n        self.name = name\n        self.parts = {}\n")
    text.append("    def make(self, value):\n")
    text += ["        self.parts[%r] = %s(value)\n" % (name, name) for name in names]
    text.append("        return self.parts\n")
    return "".join(text)


class Sources:
    """A file system without files: a module's source is written when it is imported."""

    def mount(self, readonly, mkfs):
        pass

    def stat(self, path):
        if path.startswith("/module") and path.endswith(".py"):
            return (0x8000,) + (0,) * 9
        raise OSError(2)

    def open(self, path, mode):
        return io.BytesIO(source(int(path[7:-3])).encode())


vfs.mount(Sources(), "/sources")
sys.path.append("/sources")
for turn in range(40):
    number = turn * 5 % 14
    name = "module%d" % number
    module = __import__(name)
    maker = module.Maker("%s at %d" % (name, turn))
    made = maker.make(turn * 3)
    kept["values"].append(json.dumps(made))
    if len(kept["values"]) > 20:
        kept["values"].pop(0)
    kept["made"][number % 6] = maker
    if turn % 3:
        del sys.modules[name]
picture = bytearray(11000)
print(len(kept["made"]), sum(map(len, kept["values"])), len(picture))
