# A device that logs: records are formatted and the last ones kept; from time to time a status page is made of them.
LEVELS = ("debug", "info", "warning", "error")


class Journal:
    def __init__(self, size):
        self.size = size
        self.lines = []
        self.counts = {}

    def write(self, level, source, text, *values):
        line = "%06d %-7s %s: %s" % (sum(self.counts.values()), LEVELS[level], source, text % values)
        self.counts[source] = self.counts.get(source, 0) + 1
        self.lines.append(line)
        if len(self.lines) > self.size:
            del self.lines[: self.size // 8]

    def page(self):
        rows = ["<tr><td>%s</td><td>%d</td></tr>" % item for item in sorted(self.counts.items())]
        text = "\n".join(self.lines).replace("&", "&amp;").replace("<", "&lt;")
        return "<html><table>" + "".join(rows) + "</table><pre>" + text + "</pre></html>"


journal = Journal(160)
last = {}
sizes = []
for i in range(2600):
    source = "unit%d" % (i * 5 % 13)
    journal.write(i % 4, source, "step %d of %s took %.2f ms", i, source, i % 371 / 7)
    if i % 9 == 0:
        journal.write(3, source, "unexpected <%s>", "0x%x " % i * (1 + i % 17))
    last[source] = (last.get(source, "") + " %d" % i)[-90:]
    if i % 150 == 149:
        page = journal.page().encode()
        sizes.append(len(page))
print(len(journal.lines), len(last), sum(sizes))
