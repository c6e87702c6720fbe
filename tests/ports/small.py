try:
    1 // 0
except ZeroDivisionError:
    print("caught")
for i in range(900):
    x = [i, i + 1]
print(x)
print("the " + "end")
