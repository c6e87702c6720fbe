# Tasks of asyncio: sensors feed a queue, and connections are answered in between.
import asyncio, json

class Queue:

    def __init__(self, n):
        self.q = []
        self.n = n
        self.ev = asyncio.Event()
        self.sp = asyncio.Event()

    async def put(self, x):
        while len(self.q) >= self.n:
            self.sp.clear()
            await self.sp.wait()
        self.q.append(x)
        self.ev.set()

    async def get(self):
        while not self.q:
            self.ev.clear()
            await self.ev.wait()
        x = self.q.pop(0)
        self.sp.set()
        return x
stats = {}

async def sensor(i, q, n):
    for k in range(n):
        await q.put(('s%d' % i, k, k * 1.5 + i))
        await asyncio.sleep(0)

async def handle(conn, payload):
    buf = bytearray(512)
    req = 'GET /s/%d HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\nContent-Length: %d\r\n\r\n%s' % (conn, len(payload), payload)
    hdr = {}
    head, body = req.split('\r\n\r\n')
    lines = head.split('\r\n')
    for l in lines[1:]:
        a, b = l.split(': ')
        hdr[a.lower()] = b
    buf[:len(head)] = head.encode()
    await asyncio.sleep(0)
    resp = json.dumps({'conn': conn, 'hdr': hdr, 'stats': [list(v) for v in stats.values()]})
    await asyncio.sleep(0)
    return ('HTTP/1.0 200 OK\r\n\r\n' + resp).encode()
sessions = {}

async def server(n):
    for c in range(n):
        ts = [asyncio.create_task(handle(c * 4 + k, 'p' * ((c * 31 + k * 17) % 300))) for k in range(4)]
        for t in ts:
            r = await asyncio.wait_for(t, 5)
        sessions[c % 50] = {'last': r[:64], 'n': c, 'ck': 'sid=%08x' % (c * 7919)}
        await asyncio.sleep(0)

async def sink(q):
    while True:
        n, k, v = await q.get()
        stats.setdefault(n, (0, 0.0))
        stats[n] = (stats[n][0] + 1, stats[n][1] * 0.9 + v * 0.1)

async def main():
    q = Queue(10)
    s = asyncio.create_task(sink(q))
    await asyncio.gather(server(150), *[sensor(i, q, 200) for i in range(6)])
    s.cancel()
    print(len(sessions), stats['s0'])
asyncio.run(main())
