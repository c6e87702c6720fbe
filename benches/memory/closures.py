# Trees, closures and generators.
class Node:
    __slots__ = ()

    def __init__(self, k, v=None):
        self.k = k
        self.v = v
        self.l = None
        self.r = None

class Tree:

    def __init__(self):
        self.root = None
        self.n = 0

    def put(self, k, v):
        if self.root is None:
            self.root = Node(k, v)
            self.n = 1
            return
        x = self.root
        while True:
            if k == x.k:
                x.v = v
                return
            if k < x.k:
                if x.l is None:
                    x.l = Node(k, v)
                    self.n += 1
                    return
                x = x.l
            else:
                if x.r is None:
                    x.r = Node(k, v)
                    self.n += 1
                    return
                x = x.r

    def walk(self):
        st = []
        x = self.root
        while st or x:
            while x:
                st.append(x)
                x = x.l
            x = st.pop()
            yield (x.k, x.v)
            x = x.r

def deco(f):

    def g(*a, **k):
        r = f(*a, **k)
        return (r, len(a))
    return g

def counter(n):
    c = [0]

    def inc(d=1):
        c[0] += d
        return lambda: c[0] * n
    return inc

@deco
def mix(a, b=2, *c, d=None):
    return (a, b, c, d)
cs = [counter(i) for i in range(60)]
tr = Tree()
mk = []
for i in range(1500):
    k = cs[i % 60](i % 5)
    v = k()
    r = mix(i, b=v, d=[v])
    if i % 6 == 0:
        tr.put(i * 7919 % 10007, (r, 'n%d' % i))
    if tr.n > 350:
        t2 = Tree()
        for kk, vv in tr.walk():
            if (kk + i) % 3:
                t2.put(kk, vv)
        tr = t2
    if i % 500 == 0:
        C = type('C%d' % i, (Node,), {'m%d' % j: lambda self, j=j: j for j in range(20)})
        mk.append(C(i))
        mk = mk[-5:]
print(tr.n)
