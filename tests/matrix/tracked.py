# Tracked allocation: only the list of them keeps the chunks alive.
import matrix

if not hasattr(matrix, "tracked"):
    print("SKIP: no tracked allocation")
    raise SystemExit
for n in (1, 5, 64):
    print("whole", matrix.tracked(n), "of", n)
