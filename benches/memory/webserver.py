# A web server: requests are parsed, routed and answered from templates; sessions and a cache of pages stay.
import json

TEMPLATE = "<html><head><title>{title}</title></head><body><h1>{title}</h1><ul>{items}</ul><p>{foot}</p></body></html>"
sessions = {}
pages = {}
order = []


def parse(raw):
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    method, target, _ = lines[0].split(" ")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    path, _, query = target.partition("?")
    args = {}
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            args[name] = value
    return method, path, args, headers, body


def page(path, args):
    key = path + "?" + "&".join(sorted(args))
    if key not in pages:
        rows = ["<li>%s = %s</li>" % (name, args[name]) for name in sorted(args)]
        rows += ["<li>row %d of %s</li>" % (i, path) for i in range(20 + len(path) * 3 % 40)]
        pages[key] = TEMPLATE.format(title=path, items="".join(rows), foot="cached").encode()
        order.append(key)
        if len(order) > 12:
            del pages[order.pop(0)]
    return pages[key]


def answer(raw):
    method, path, args, headers, body = parse(raw)
    cookie = headers.get("cookie", "")
    session = sessions.setdefault(cookie, {"hits": 0, "last": None, "cart": []})
    session["hits"] += 1
    session["last"] = path
    if method == "POST":
        form = json.loads(body)
        session["cart"].append((form["sku"], form["n"]))
        session["cart"] = session["cart"][-8:]
        content = json.dumps({"ok": True, "cart": session["cart"]}).encode()
    else:
        content = page(path, args)
    head = "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nSet-Cookie: sid=%s\r\n\r\n" % (len(content), cookie)
    return head.encode() + content


sent = 0
for i in range(1500):
    buffer = bytearray(1024)
    if i % 5 == 4:
        body = json.dumps({"sku": "part-%d" % (i % 97), "n": i % 7, "note": "x" * (i % 120)})
        text = "POST /cart HTTP/1.1\r\nHost: a\r\nCookie: s%d\r\n\r\n%s" % (i * 7 % 40, body)
    else:
        text = "GET /list/%d?page=%d&q=w%d HTTP/1.1\r\nHost: a\r\nCookie: s%d\r\n\r\n" % (i % 23, i % 3, i % 31, i * 7 % 40)
    raw = text.encode()
    buffer[: len(raw)] = raw
    sent += len(answer(bytes(buffer[: len(raw)])))
print(sent, len(sessions), len(pages))
