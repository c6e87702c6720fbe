# Weak references: they go with the object, and call back once.
try:
    import weakref
except ImportError:
    print("SKIP: no weak references")
    raise SystemExit
import gc


class Thing:
    pass


called = []


def make(n):
    return [weakref.ref(Thing(), called.append) for _ in range(n)]


kept = Thing()
alive = weakref.ref(kept)
dead = make(50)
gc.collect()
print("gone", sum(ref() is None for ref in dead) >= 45)
print("called", len(called) == sum(ref() is None for ref in dead))
print("alive", alive() is kept)
