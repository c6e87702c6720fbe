# What the programs here share: the least time of a few samples.

import sys
import time

SAMPLES = int(sys.argv[1]) if len(sys.argv) > 1 else 5


def measure(name, function, times=1, before=None):
    """Prints the least time of one call in ns; `before` runs before each sample, untimed."""
    least = None
    for _ in range(SAMPLES):
        if before:
            before()
        start = time.ticks_us()
        for _ in range(times):
            function()
        took = time.ticks_diff(time.ticks_us(), start) * 1000 // times
        if least is None or took < least:
            least = took
    print("time", name, least)
