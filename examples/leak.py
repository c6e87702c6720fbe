# A program that loses memory: a list of callbacks outlives what they belong to. `make heap-demo`
# takes its snapshot.

import gc
import sys


class Connection:
    def __init__(self, number):
        self.number = number
        self.received = []

    def on_data(self, data):
        self.received.append(data)


class Server:
    def __init__(self):
        self.open = {}
        self.listeners = []

    def connect(self, number):
        connection = Connection(number)
        self.open[number] = connection
        self.listeners.append(connection.on_data)

    def disconnect(self, number):
        # The leak: nobody takes the listener away.
        del self.open[number]

    def broadcast(self, data):
        for listener in self.listeners:
            listener(data)


server = Server()
for number in range(20):
    server.connect(number)
    for _ in range(5):
        server.broadcast(bytes(64))
    server.disconnect(number)

gc.collect()
print("open connections:", len(server.open), "bytes in use:", gc.mem_alloc())
print("ready")
sys.stdin.readline()
