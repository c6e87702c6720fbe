# A hub on MQTT: packets are decoded, topics retained, rules run, and a dashboard is sent as JSON.
import json
import struct

retained = {}
rules = []
log = []


def packet(topic, payload):
    body = struct.pack("!H", len(topic)) + topic.encode() + payload
    size = len(body)
    head = bytearray(b"\x30")
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    head.append(size)
    return bytes(head) + body


def decode(raw):
    size, shift, at = 0, 0, 1
    while True:
        size |= (raw[at] & 127) << shift
        at += 1
        if raw[at - 1] < 128:
            break
        shift += 7
    (n,) = struct.unpack("!H", raw[at : at + 2])
    return raw[at + 2 : at + 2 + n].decode(), raw[at + 2 + n :]


def rule(room, limit):
    def run(state):
        if state.get("t", 0) > limit:
            log.append("%s above %d: %.1f" % (room, limit, state["t"]))
            if len(log) > 50:
                log.pop(0)

    return run


for i in range(24):
    rules.append(("home/room%d/climate" % i, rule("room%d" % i, 18 + i % 7)))

sent = 0
for i in range(3000):
    topic = "home/room%d/%s" % (i * 11 % 24, ("climate", "light", "door")[i % 3])
    payload = json.dumps({"t": 15 + i * 13 % 97 / 10, "h": i % 60, "seq": i, "fw": "v%d" % (i % 4)}).encode()
    name, data = decode(packet(topic, payload))
    state = json.loads(data)
    retained[name] = state
    for wanted, run in rules:
        if wanted == name:
            run(state)
    if i % 250 == 249:
        board = json.dumps({"topics": retained, "log": log})
        sent += len(board)
print(sent, len(retained), len(log))
