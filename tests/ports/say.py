def deep(n):
    try:
        return n and deep(n - 1) + 1 or 1 // n
    except ZeroDivisionError:
        return 1


kept = []
for i in range(900):
    one = [i, i + 1]
    if i % 100 == 0:
        kept.append(one)
print(kept, deep(9))
print("the " + "end")
