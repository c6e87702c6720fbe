# A client of MQTT on a socket that is simulated: it publishes states, and gets commands in pieces.
import json


class Wire:
    def __init__(self):
        self.waiting = b""
        self.sent = 0

    def write(self, data):
        self.sent += len(data)

    def read(self, count):
        part, self.waiting = self.waiting[:count], self.waiting[count:]
        return part


class Client:
    def __init__(self, wire, received):
        self.wire = wire
        self.received = received

    def publish(self, topic, payload):
        self.wire.write(frame(topic, payload))

    def poll(self):
        kind = self.wire.read(1)
        if not kind:
            return False
        size = shift = 0
        while True:
            (byte,) = self.wire.read(1)
            size |= (byte & 127) << shift
            if byte < 128:
                break
            shift += 7
        length = int.from_bytes(self.wire.read(2), "big")
        topic = self.wire.read(length)
        self.received(topic.decode(), self.wire.read(size - 2 - length))
        return True


def frame(topic, payload):
    name = topic.encode()
    size = 2 + len(name) + len(payload)
    head = bytearray((0x30,))
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    head.append(size)
    return bytes(head) + len(name).to_bytes(2, "big") + name + payload


lamps = {}
wire = Wire()
client = Client(wire, lambda topic, payload: lamps.update({topic.split("/")[-1]: json.loads(payload)}))
for i in range(1500):
    state = {"seq": i, "volts": i % 77 / 8, "note": "n" * (i * 3 % 70)}
    client.publish("site/dev7/state%d" % (i % 16), json.dumps(state).encode())
    if i % 2:
        command = {"on": i % 4 > 1, "level": i % 256, "fade": ["f%d" % (i + k) for k in range(i % 8)]}
        wire.waiting += frame("site/set/lamp%d" % (i * 11 % 60), json.dumps(command).encode())
    if i % 7 == 6:
        while client.poll():
            pass
    if i % 180 == 179:
        client.publish("site/dev7/all", json.dumps(lamps).encode())
print(len(lamps), wire.sent)
