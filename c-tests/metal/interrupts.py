# Allocates and collects while the timer interrupts; WANTED, CYCLES and LOCK are set by
# tools/verify/metal_interrupts.py.
import gc
import irq

ran = 0
broken = 0


def callback(_):
    global ran
    ran += 1


def churn(turn):
    global broken
    kept = []
    for i in range(40):
        kept.append([turn, i, "%d-%d" % (turn, i)])
        kept.append({i: bytearray(i * 7)})
    if turn % 8 == 0:
        gc.collect()
    for i in range(40):
        row, table = kept[2 * i], kept[2 * i + 1]
        if row != [turn, i, "%d-%d" % (turn, i)] or len(table[i]) != i * 7:
            broken += 1
    try:
        raise ValueError(turn)
    except ValueError as error:
        if error.args[0] != turn:
            broken += 1


irq.start(callback, CYCLES, LOCK)
turn = 0
while irq.interrupts() < WANTED:
    churn(turn)
    turn += 1
irq.stop()
for _ in range(1000):
    pass
print("counts", irq.interrupts(), *irq.figures(), ran, broken, turn)
