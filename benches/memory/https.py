# A client of HTTPS: two record buffers for each connection, the body in pieces, some of its JSON kept.
import json
store = {}

class TLS:

    def __init__(self, inb, outb):
        self.inb = bytearray(inb)
        self.outb = bytearray(outb)
        self.ctx = [bytearray(300), bytearray(120), {}]

    def read(self, body, o, n):
        m = memoryview(self.inb)
        k = body[o:o + n]
        m[:len(k)] = k
        return bytes(m[:len(k)])

class Resp:

    def __init__(self, st, h, c):
        self.status = st
        self.headers = h
        self.content = c

    def json(self):
        return json.loads(self.content)

def server(u, i):
    return json.dumps({'url': u, 'items': [{'id': j, 'title': 'title %d of %d' % (j, i), 'price': j * 1.25} for j in range(4 + i * 29 % 60)], 'next': u + '?p=%d' % i}).encode()

def get(u, i):
    body = server(u, i)
    proto, dummy, host, path = (u + '/%d' % i).split('/', 3)
    s = TLS(16384, 4096)
    h = {}
    for l in ('Content-Type: application/json', 'Content-Length: %d' % len(body), 'Connection: close', 'Date: Mon %d' % i, 'ETag: %x' % (i * 99991)):
        k, v = l.split(':', 1)
        h[k] = v.strip()
    data = b''
    o = 0
    while o < len(body):
        c = s.read(body, o, 512)
        o += len(c)
        data += c
    return Resp(200, h, data)
for i in range(90):
    r = get('https://api.example.com/v1/list', i)
    d = r.json()
    store[i % 25] = {'etag': r.headers['ETag'], 'first': d['items'][0], 'sum': sum((x['price'] for x in d['items'])), 'next': d['next']}
    if i % 5 == 0:
        names = [x['title'] for x in d['items']]
        rep = '\n'.join(names)
print(len(store))
