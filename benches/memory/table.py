# A CSV file read and summed, again and again.
import io, re
rows = ''.join(('%d,%s,%d,%.2f,%s\n' % (i, 'abcdefgh'[i % 5:], i * 7 % 31, i / 3, 'note %d' % (i % 13) if i % 4 else '') for i in range(150)))
agg = {}
top = []
for rep in range(14):
    f = io.StringIO(rows)
    hdr = None
    for line in f:
        p = line.rstrip('\n').split(',')
        k = p[1] + p[4]
        a = agg.get(k)
        if a is None:
            a = agg[k] = [0, 0.0, []]
        a[0] += 1
        a[1] += float(p[3])
        a[2].append(p[0])
        if len(a[2]) > 30:
            a[2] = a[2][-10:]
        m = re.match('note (\\d+)', p[4])
        if m:
            top.append((int(m.group(1)), p[0]))
    top.sort(key=lambda x: x[0])
    top = top[-100:]
    out = io.StringIO()
    for k in sorted(agg):
        out.write('%s;%d;%.3f;%s\n' % (k, agg[k][0], agg[k][1], '|'.join(agg[k][2])))
    s = out.getvalue()
print(len(agg), len(s))
