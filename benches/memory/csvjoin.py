# Two CSV files joined: rows are read from a stream, indexed, summed by group, and written as a report.
import io


def orders(n):
    return "".join("%d,c%d,%d.%02d,%s\n" % (i, i * 17 % 60, i % 90, i % 100, ("new", "paid", "sent")[i % 3]) for i in range(n))


def customers(n):
    return "id,name,city\n" + "".join("c%d,customer number %d,city %d\n" % (i, i, i % 9) for i in range(n))


def rows(stream):
    while True:
        line = stream.readline()
        if not line:
            return
        yield line.rstrip("\n").split(",")


total = 0
reports = []
for day in range(8):
    names = {}
    for row in rows(io.StringIO(customers(60))):
        names[row[0]] = {"name": row[1], "city": row[2], "sum": 0.0, "states": {}}
    for row in rows(io.StringIO(orders(250 + day * 20))):
        customer = names[row[1]]
        customer["sum"] += float(row[2])
        states = customer["states"]
        states[row[3]] = states.get(row[3], 0) + 1
    lines = ["%s;%s;%.2f;%s" % (c["name"], c["city"], c["sum"], c["states"]) for c in names.values() if c["sum"]]
    lines.sort()
    report = "\n".join(lines)
    total += len(report)
    reports.append((day, report[:200]))
print(total, len(reports))
