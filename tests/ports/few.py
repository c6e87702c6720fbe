# With the C the powerpc port looks for no roots in registers, and an exception restarts it.
def deep(n):
    return n and deep(n - 1) + 1 or 1


kept = []
for i in range(40):
    one = [i, i + 1]
    if i % 10 == 0:
        kept.append(one)
print(kept, deep(9))
print("the " + "end")
