# Lists, dicts, bytearrays and sets that grow, in phases; some of each phase is kept.
def phase(n, seed):
    l = []
    d = {}
    b = bytearray()
    s = set()
    for i in range(n):
        l.append(i * seed)
        if i % 3 == 0:
            d['k%d' % i] = (i, seed)
        if i % 2 == 0:
            b.extend(b'%05d,' % i)
        s.add(i % 211)
    return (l, d, b, s)
keep = []
for p in range(40):
    n = 200 + p * 377 % 1100
    l, d, b, s = phase(n, p)
    if p % 3 == 0:
        keep.append((l[:50], dict(list(d.items())[:20]), bytes(b[:300])))
    if len(keep) > 8:
        keep.pop(0)
    l = d = b = s = None
idx = {}
for i in range(2500):
    idx.setdefault(i % 60, []).append('%d' % i)
print(len(keep), sum((len(v) for v in idx.values())))
