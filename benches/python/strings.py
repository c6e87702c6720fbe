# heapsize: 512K 8M
# Strings come and go.

from timing import measure


def churn():
    total = 0
    for i in range(2000):
        line = "%d:%s:%d" % (i, "abcdefghij" * (i % 7), i * i)
        parts = line.split(":")
        total += len(",".join(parts[1:] + [line[3:9], line.upper()]))
    return total


measure("str-churn", churn)
print(churn())
