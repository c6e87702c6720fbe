# A pipeline of audio: blocks of 2 KB in flight, effects, and a wave table of 10 KB that is made late.
import asyncio, array
inflight = []
state = {'fx': []}

async def producer(n):
    for i in range(n):
        b = array.array('h', range(i % 7, 1024 + i % 7))
        inflight.append((i, b))
        while len(inflight) > 4:
            await asyncio.sleep(0)
        if i % 3 == 0:
            await asyncio.sleep(0)

async def ui(n):
    for i in range(n):
        state['fx'].append({'name': 'fx%d' % i, 'p': [i / 10, i / 20], 'cb': lambda v, i=i: v + i})
        if len(state['fx']) > 30:
            state['fx'].pop(i % 30)
        state['msg'] = 'level: %d dB, fx: %s' % (i, ','.join((f['name'] for f in state['fx'][-5:])))
        await asyncio.sleep(0)

async def consumer(n):
    done = 0
    while done < n:
        while inflight:
            i, b = inflight.pop(0)
            m = max(b[:64])
            done += 1
            state[done % 40] = (m, bytes(b[:20]))
        await asyncio.sleep(0)

async def main():
    await asyncio.gather(producer(160), ui(1500), consumer(160))
    tab = array.array('h', (int(1000 * (i % 50)) for i in range(3000)))
    state['tab'] = tab
    await asyncio.gather(producer(160), ui(1500), consumer(160))
    print(len(state), len(tab))
asyncio.run(main())
