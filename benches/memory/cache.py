# A cache of strings and bytes that live for different times, and a page of 2 to 8 KB now and then.
class R:

    def __init__(self, s):
        self.s = s

    def n(self, k):
        self.s = self.s * 1103515245 + 12345 & 1073741823
        return (self.s >> 8) % k
r = R(42)
cache = {}
order = []
hits = 0
for i in range(7000):
    k = 'k%d' % (r.n(100) * r.n(4))
    if k in cache:
        hits += 1
        if r.n(3) == 0:
            cache[k] = bytes(20 + r.n(30) * r.n(20))
    else:
        cache[k] = 'v' * (20 + r.n(580))
        order.append(k)
    if len(order) > 110:
        x = order.pop(r.n(len(order)))
        cache.pop(x, None)
    if i % 900 == 0:
        page = bytearray(2048 * (1 + r.n(4)))
        page2 = ','.join(order)
print(hits, len(cache))
