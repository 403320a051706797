#!/usr/bin/env python3
"""A workspace agent with nothing but Python's standard library: the API of agents as docs/PROTOCOLS.md has it.

It reports its startup, its lifecycle and a line of log, keeps the tunnel open and serves TCP ports of the workspace.
    CODER_AGENT_URL=https://coder.example.com CODER_AGENT_TOKEN=... python3 agent.py
"""
import base64, datetime, json, os, queue, random, signal, socket, ssl, struct, sys, threading, time, uuid
from urllib import parse, request

URL, TOKEN = os.environ["CODER_AGENT_URL"].rstrip("/"), os.environ["CODER_AGENT_TOKEN"]
BASE, VERSION, RUN_ID = "/api/v2/workspaceagents/me/", "1.1", str(uuid.uuid4())
WINDOW, MAX_BYTES, SERVER_SILENT_AFTER = 256 * 1024, 1024 * 1024, 29
DATA, WINDOW_UPDATE, PING, GO_AWAY = range(4)  # yamux' types of frames, and its flags
SYN, ACK, FIN, RST = 1, 2, 4, 8
OPEN, NOT_SUPPORTED, REFUSED = range(3)  # answers to the header of a stream


def call(method, path, body=None):
    headers = {"Coder-Session-Token": TOKEN, "Content-Type": "application/json"}
    body = None if body is None else json.dumps(body).encode()
    with request.urlopen(request.Request(URL + BASE + path, body, headers, method=method), timeout=30) as response:
        return json.loads(response.read() or b"null")


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


def lifecycle(state):
    call("POST", "report-lifecycle", {"state": state, "changed_at": now()})


def log(line, source=str(uuid.uuid4())):
    call("POST", "log-source", {"id": source, "display_name": "Python agent", "icon": ""})
    call("PATCH", "logs", {"log_source_id": source, "logs": [{"created_at": now(), "output": line, "level": "info"}]})


class WebSocket:
    """Bytes in binary messages."""

    def __init__(self, path):
        url, self.lock, self.buffer = parse.urlsplit(URL), threading.Lock(), bytearray()
        tls = url.scheme == "https"
        self.socket = socket.create_connection((url.hostname, url.port or (443 if tls else 80)), 10)
        if tls:
            self.socket = ssl.create_default_context().wrap_socket(self.socket, server_hostname=url.hostname)
        self.socket.settimeout(SERVER_SILENT_AFTER)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((
            f"GET {url.path}{BASE}{path} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nCoder-Session-Token: {TOKEN}\r\n\r\n").encode())
        self.reader = self.socket.makefile("rb")
        status = self.reader.readline(MAX_BYTES)
        if b" 101 " not in status:
            raise ConnectionError(f"no WebSocket: {status!r}")
        while self.reader.readline(MAX_BYTES).strip():
            pass

    def send(self, payload, opcode=2):
        size, mask = len(payload), os.urandom(4)
        if size < 126:
            length = bytes([0x80 | size])
        else:
            length = struct.pack(">BH", 0xFE, size) if size <= 0xFFFF else struct.pack(">BQ", 0xFF, size)
        key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
        masked = (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")
        with self.lock:
            self.socket.sendall(bytes([0x80 | opcode]) + length + mask + masked)

    def exactly(self, size):
        data = self.reader.read(size)
        if len(data) < size:
            raise ConnectionError("the server is gone")
        return data

    def message(self):
        first, second = self.exactly(2)
        size = second & 0x7F
        if size > 125:
            size = int.from_bytes(self.exactly(2 if size == 126 else 8), "big")
        if size > MAX_BYTES or first & 15 not in (0, 2, 9, 10):
            raise ConnectionError("the server ended the connection, or sent what cannot be")
        payload = self.exactly(size)
        if first & 15 == 9:
            self.send(payload, 10)
        return payload if first & 15 in (0, 2) else b""

    def take(self, size):
        while len(self.buffer) < size:
            self.buffer += self.message()
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        return taken


class Stream:
    """One stream of the tunnel, opened by the server."""

    def __init__(self, tunnel, number):
        self.tunnel, self.number, self.window, self.broken = tunnel, number, WINDOW, False
        self.incoming, self.changed = queue.SimpleQueue(), threading.Condition()  # the window bounds the queue

    def read(self):
        data = self.incoming.get()
        if data:
            self.tunnel.send(WINDOW_UPDATE, 0, self.number, len(data))
        return data

    def write(self, data):
        while data:
            with self.changed:
                self.changed.wait_for(lambda: self.window or self.broken)
                if self.broken:
                    raise ConnectionError("the stream is gone")
                part, data = data[:self.window], data[self.window:]
                self.window -= len(part)
            self.tunnel.send(DATA, 0, self.number, len(part), part)

    def answer(self, status, text=b""):
        self.write(struct.pack(">BH", status, len(text)) + text)

    def end(self):
        self.tunnel.send(DATA, FIN, self.number, 0)

    def reset(self):
        with self.changed:
            self.broken = True
            self.changed.notify_all()
        self.incoming.put(b"")

    def serve(self):
        try:
            self.begin()
        except OSError:  # the local socket, the stream or the tunnel broke
            self.reset()
            try:
                self.tunnel.send(DATA, RST, self.number, 0)
            except OSError:
                pass
        self.tunnel.streams.pop(self.number, None)

    def begin(self):
        head = b""
        while len(head) < 4:
            data = self.read()
            if not data:
                raise ConnectionError("no header")
            head += data
        version, network, port = struct.unpack(">BBH", head[:4])
        if (version, network) == (1, 0):
            self.answer(OPEN)
        elif (version, network) != (1, 1) or port < 9:
            self.answer(NOT_SUPPORTED, b"this agent serves TCP ports")
        else:
            try:
                target = socket.create_connection(("localhost", port), 10)
            except OSError as error:
                self.answer(REFUSED, str(error).encode()[:512])
            else:
                self.answer(OPEN)
                return self.pump(target, head[4:])
        self.end()

    def pump(self, target, data):
        with target:
            target.settimeout(None)
            download = threading.Thread(target=self.download, args=(target,), daemon=True)
            download.start()
            if data:
                target.sendall(data)
            while data := self.read():
                target.sendall(data)
            target.shutdown(socket.SHUT_RD if self.broken else socket.SHUT_WR)
            download.join()
            if self.broken:
                raise ConnectionError("the stream is gone")

    def download(self, target):
        try:
            while data := target.recv(64 * 1024):
                self.write(data)
            self.end()
        except OSError:
            self.reset()


class Tunnel:
    """yamux in a WebSocket."""

    def __init__(self):
        self.socket, self.streams = WebSocket("tunnel?version=" + VERSION), {}

    def send(self, kind, flags, number, length, data=b""):
        self.socket.send(struct.pack(">BBHII", 0, kind, flags, number, length) + data)

    def run(self):
        try:
            while True:
                self.frame(*struct.unpack(">BBHII", self.socket.take(12)))
        finally:
            self.socket.socket.close()
            for stream in list(self.streams.values()):
                stream.reset()

    def frame(self, version, kind, flags, number, length):
        if version or kind >= GO_AWAY or (kind == DATA and length > MAX_BYTES):
            raise ConnectionError("the server ended the tunnel, or sent what cannot be")
        data = self.socket.take(length) if kind == DATA else b""
        if kind == PING:
            return self.send(PING, ACK, 0, length) if flags & SYN else None
        if flags & SYN:
            stream = self.streams[number] = Stream(self, number)
            self.send(WINDOW_UPDATE, ACK, number, 0)
            threading.Thread(target=stream.serve, daemon=True).start()
        stream = self.streams.get(number)
        if not stream:
            return
        if data:
            stream.incoming.put(data)
        if kind == WINDOW_UPDATE:
            with stream.changed:
                stream.window += length
                stream.changed.notify_all()
        if flags & RST:
            stream.reset()
        elif flags & FIN:
            stream.incoming.put(b"")


def main():
    pause, told = 0.1, False
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        while True:
            began = time.monotonic()
            try:
                directory = os.path.expanduser(call("GET", "manifest")["directory"])
                call("POST", "startup", {"version": "v0.1.0", "api_version": VERSION, "expanded_directory": directory,
                                         "subsystems": [], "run_id": RUN_ID})
                tunnel = Tunnel()
                if not told:
                    lifecycle("starting")
                    log(f"Hello from Python {sys.version.split()[0]}")
                    lifecycle("ready")
                    told = True
                tunnel.run()
            except OSError as error:
                print(error, file=sys.stderr, flush=True)
            pause = 0.1 if time.monotonic() - began > 10 else min(2 * pause, 10)
            time.sleep(pause * random.uniform(0.5, 1))
    finally:
        for state in ("shutting_down", "off"):
            lifecycle(state)


main()
