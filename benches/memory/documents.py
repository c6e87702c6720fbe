# Documents are made, kept for a while, and written and read as JSON.
import json

def doc(n, s):
    return {'id': n, 'name': 'device-%d' % n, 'tags': ['t%d' % ((n * 7 + i) % 50) for i in range(n % 9)], 'readings': [{'t': n * 60 + i, 'temp': 20.5 + i / 7, 'hum': 40 + i, 'ok': i % 3 == 0} for i in range(s)], 'cfg': {'ssid': 'net%d' % n, 'pw': 'secret' * 3, 'ip': ['10', '0', '0', str(n % 255)], 'nested': {'a': {'b': {'c': n}}}}}
keep = []
tot = 0
for r in range(220):
    s = json.dumps(doc(r, 5 + r * 13 % 37))
    tot += len(s)
    d = json.loads(s)
    if r % 4 == 0:
        keep.append(d['readings'][0])
        keep.append(d['cfg'])
        if len(keep) > 60:
            del keep[0]
    if r % 10 == 0:
        last = s
print(tot, len(keep))
