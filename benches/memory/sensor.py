# A logger of sensors: small records, buffers of 1 to 4 KB now and then, and a file that they are flushed to.
import io, struct, time

class Rec:

    def __init__(self, t, v):
        self.t = t
        self.v = v
        self.s = 'ok'
hist = []
daily = {}
out = 0
cal = {i: (1.0 + i / 100, 'ch%02d' % i) for i in range(24)}

def flush(hist, n):
    global out
    b = bytearray(n)
    o = 0
    for r in hist:
        if o + 12 > n:
            break
        struct.pack_into('<Ifi', b, o, r.t, r.v, len(r.s))
        o += 12
    f = io.BytesIO()
    f.write(memoryview(b)[:o])
    f.write(b'\r\n')
    s = f.getvalue()
    out += len(s)
    return s[-16:]
for t in range(16000):
    c = t % 24
    v = t * 37 % 1000 / 10 * cal[c][0]
    hist.append(Rec(t, v))
    if len(hist) == 160:
        x = flush(hist, 1024 * (1 + t // 160 % 4))
        daily[t // 160 % 90] = (x, 'day-%d' % (t // 160), min((r.v for r in hist)))
        hist = hist[-(t // 160 % 11):] if t // 160 % 11 else []
    if t % 50 == 0:
        line = ','.join([str(t), '%.2f' % v, cal[c][1]])
print(out, len(daily))
