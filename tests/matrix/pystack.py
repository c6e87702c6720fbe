# Calls: deep ones, generators, and the end of the stack.
import micropython
import gc


def down(n):
    return 0 if n == 0 else 1 + down(n - 1)


def gather(n, *args, **kw):
    return args if n == 0 else gather(n - 1, n, *args, **kw)


def numbers(n):
    for i in range(n):
        yield i
    yield from numbers(n - 1) if n else ()


print("down", down(20))
print("gather", gather(8, a=1))
print("numbers", sum(numbers(6)))
closures = [(lambda k: lambda: k)(i) for i in range(20)]
gc.collect()
print("closures", sum(f() for f in closures))

has_stack = hasattr(micropython, "pystack_use")
if has_stack:
    before = micropython.pystack_use()
    print("use", before)

for _ in range(3):
    try:
        down(20000)
        print("no end")
    except RuntimeError as e:
        print("end", e if has_stack else type(e))
    except MemoryError as e:
        # Without a C stack under each call it is the heap that ends.
        print("end", type(e))
    gc.collect()
if has_stack:
    print("use", micropython.pystack_use() - before)

# A jump over many frames leaves the stack as it was.
def throw(n):
    if n == 0:
        raise KeyError(n)
    try:
        throw(n - 1)
    finally:
        out.append(n)


for _ in range(20):
    out = []
    try:
        throw(10)
    except KeyError as e:
        pass
print("out", out)
if has_stack:
    print("use", micropython.pystack_use() - before)
    print("SEEN: pystack")
