# Plugins from source: compiled, called, replaced by newer ones, while the application's state stays.
state = {"calls": 0, "results": []}
loaded = {}


def source(name, version):
    parts = ["TABLE = {%s}\n" % ", ".join("'k%d': %d" % (i, i * version) for i in range(10 + version % 15))]
    parts.append("def setup(state):\n    state['%s'] = [v for v in TABLE.values()]\n" % name)
    for i in range(4 + version % 9):
        parts.append("def step%d(x):\n    y = x * %d + %d\n    return '%s-%%d' %% y\n" % (i, version + 1, i, name))
    parts.append("class Plugin:\n    def __init__(self):\n        self.seen = []\n")
    parts.append("    def run(self, x):\n        self.seen.append(step0(x))\n        return self.seen[-1]\n")
    return "".join(parts)


for version in range(45):
    name = "plugin%d" % (version * 7 % 11)
    space = {"__name__": name}
    exec(compile(source(name, version), name, "exec"), space)
    space["setup"](state)
    loaded[name] = (space["Plugin"](), version)
    for other, (plugin, _) in sorted(loaded.items()):
        for i in range(6):
            state["results"].append(plugin.run(i + version))
            state["calls"] += 1
        if len(plugin.seen) > 40:
            plugin.seen = plugin.seen[-10:]
    state["results"] = state["results"][-60:]
picture = bytearray(12000)
print(state["calls"], len(loaded), len(picture))
