# A viewer of pictures: rows are decoded and scaled into bitmaps of 8 to 24 KB; thumbnails are kept.
import struct, framebuf, io

def mkbmp(w, h, s):
    row = bytearray((w * 3 + 3) // 4 * 4)
    f = io.BytesIO()
    f.write(b'BM' + struct.pack('<IHHIIiiHHIIIIII', 54 + len(row) * h, 0, 0, 54, 40, w, h, 1, 24, 0, 0, 0, 0, 0, 0))
    for y in range(h):
        for x in range(0, w * 3, 3):
            row[x] = x * s + y & 255
        f.write(row)
    return f
thumbs = {}
meta = []
for k in range(14):
    w = 40 + k * 13 % 40
    h = 30 + k * 7 % 40
    f = mkbmp(w, h, k + 1)
    f.seek(0)
    hd = struct.unpack('<2sIHHIIiiHHIIIIII', f.read(54))
    W, H = (hd[6], hd[7])
    out = bytearray(W * H * 2)
    rl = (W * 3 + 3) // 4 * 4
    for y in range(H):
        row = f.read(rl)
        px = [row[3 * x] >> 3 | row[3 * x + 1] >> 2 << 5 | row[3 * x + 2] >> 3 << 11 for x in range(W)]
        struct.pack_into('<%dH' % W, out, y * W * 2, *px)
    fb = framebuf.FrameBuffer(out, W, H, framebuf.RGB565)
    th = bytearray(32 * 24 * 2)
    tf = framebuf.FrameBuffer(th, 32, 24, framebuf.RGB565)
    for y in range(24):
        for x in range(32):
            tf.pixel(x, y, fb.pixel(x * W // 32, y * H // 24))
    thumbs[k % 8] = (tf, th, 'img%d.bmp' % k)
    meta.append({'name': 'img%d.bmp' % k, 'w': W, 'h': H, 'hist': [p & 31 for p in px[:10]]})
print(len(thumbs), len(meta))
