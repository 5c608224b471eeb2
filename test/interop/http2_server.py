"""A server that speaks HTTP/2 frame by frame and misbehaves, for gRPC's negative HTTP/2 cases of a client.

It answers UnaryCall with LARGE_RESPONSE zero bytes, each case in its own way, and watches what the client does:
`faults` holds what a right client would not have done. No library: only so can it do wrong.
"""
import socket
import struct
import threading

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS = 4, 3
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
LARGE_RESPONSE = 314159
SECONDS = 30


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def answer():
    """SimpleResponse with a payload, behind gRPC's prefix."""
    body = b"\x12" + varint(LARGE_RESPONSE) + bytes(LARGE_RESPONSE)
    message = b"\x0a" + varint(len(body)) + body
    return b"\0" + struct.pack(">I", len(message)) + message


def fields(*pairs):
    """HPACK without any table: literals as they are."""
    return b"".join(b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in pairs)


class Connection:
    def __init__(self, server, sock):
        self.server, self.sock = server, sock
        self.lock, self.changed = threading.Lock(), threading.Condition()
        self.window, self.initial, self.windows = 65535, 65535, {}
        self.open, self.pongs, self.settled = set(), 0, False
        threading.Thread(target=self.run, daemon=True).start()

    # --- out ---------------------------------------------------------------------------------------

    def frame(self, kind, flags, stream, payload=b""):
        with self.lock:
            self.sock.sendall(struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload)

    def data(self, stream, data, size=16384, padding=None):
        while data:
            cost = min(size, len(data)) + (padding + 1 if padding is not None else 0)
            with self.changed:
                assert self.changed.wait_for(
                    lambda: min(self.window, self.windows[stream]) >= cost or stream not in self.open, SECONDS)
                self.window -= cost
                self.windows[stream] -= cost
            piece, data = data[:size], data[size:]
            if padding is not None:
                self.frame(DATA, PADDED, stream, bytes([padding]) + piece + bytes(padding))
            else:
                self.frame(DATA, 0, stream, piece)

    def headers(self, stream):
        self.frame(HEADERS, END_HEADERS, stream,
                   fields((b":status", b"200"), (b"content-type", b"application/grpc")))

    def trailers(self, stream):
        self.open.discard(stream)  # first: the client may begin another as soon as it knows
        self.frame(HEADERS, END_HEADERS | END_STREAM, stream, fields((b"grpc-status", b"0")))

    def reset(self, stream):
        self.open.discard(stream)
        self.frame(RST_STREAM, 0, stream, struct.pack(">I", 0))

    def send_ping(self):
        """Send one and wait for its answer."""
        with self.changed:
            wanted = self.pongs + 1
        self.frame(PING, 0, 0, b"interop!")
        with self.changed:
            if not self.changed.wait_for(lambda: self.pongs >= wanted, SECONDS):
                self.server.faults.append("a PING was not answered")

    # --- in ----------------------------------------------------------------------------------------

    def exactly(self, n):
        got = b""
        while len(got) < n:
            piece = self.sock.recv(n - len(got))
            if not piece:
                raise ConnectionError
            got += piece
        return got

    def run(self):
        try:
            assert self.exactly(len(PREFACE)) == PREFACE
            limit = 1 if self.server.case == "max_streams" else 100
            self.frame(SETTINGS, 0, 0, struct.pack(">HI", MAX_CONCURRENT_STREAMS, limit))
            while True:
                head = self.exactly(9)
                kind, flags, stream = struct.unpack(">BBI", head[3:])
                self.take(kind, flags, stream, self.exactly(int.from_bytes(head[:3], "big")))
        except (ConnectionError, OSError):
            pass
        finally:
            self.sock.close()

    def take_settings(self, flags, payload):
        if flags & ACK:
            self.settled = True
            return
        for at in range(0, len(payload), 6):
            name, value = struct.unpack(">HI", payload[at:at + 6])
            if name == INITIAL_WINDOW_SIZE:
                for stream in self.windows:
                    self.windows[stream] += value - self.initial
                self.initial = value
        self.frame(SETTINGS, ACK, 0)

    def take(self, kind, flags, stream, payload):
        with self.changed:
            if kind == SETTINGS:
                self.take_settings(flags, payload)
            elif kind == PING and flags & ACK:
                self.pongs += 1
            elif kind == WINDOW_UPDATE:
                more = struct.unpack(">I", payload)[0]
                if stream:
                    self.windows[stream] = self.windows.get(stream, self.initial) + more
                else:
                    self.window += more
            elif kind == HEADERS:
                self.windows[stream] = self.initial
                self.open.add(stream)
                if self.server.case == "max_streams" and self.settled and len(self.open) > 1:
                    self.server.faults.append(f"{len(self.open)} streams at once")
            elif kind == RST_STREAM:
                self.open.discard(stream)
            self.changed.notify_all()
        if kind == DATA and payload:
            self.frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", len(payload)))
            if not flags & END_STREAM:
                self.frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", len(payload)))
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            threading.Thread(target=self.serve, args=(stream,), daemon=True).start()

    def serve(self, stream):
        self.server.calls.append(self)
        try:
            getattr(self, self.server.case)(stream)
        except (OSError, AssertionError) as error:
            self.server.faults.append(f"{type(error).__name__}: {error}")

    # --- one method a case -------------------------------------------------------------------------

    def well(self, stream, **how):
        self.headers(stream)
        self.data(stream, answer(), **how)
        self.trailers(stream)

    def goaway(self, stream):
        if stream > 1:
            self.server.faults.append("a call on a connection that said GOAWAY")
        self.well(stream)
        self.frame(GOAWAY, 0, 0, struct.pack(">II", stream, 0))

    def rst_after_header(self, stream):
        self.headers(stream)
        self.reset(stream)

    def rst_during_data(self, stream):
        self.headers(stream)
        self.data(stream, answer()[:LARGE_RESPONSE // 2])
        self.reset(stream)

    def rst_after_data(self, stream):
        self.headers(stream)
        self.data(stream, answer())
        self.reset(stream)

    def ping(self, stream):
        self.send_ping()
        self.headers(stream)
        self.send_ping()
        self.data(stream, answer())
        self.send_ping()
        self.trailers(stream)

    max_streams = no_df_padding_sanity = well

    def data_frame_padding(self, stream):
        self.headers(stream)
        data = answer()
        for n, at in enumerate(range(0, len(data), 100)):
            self.data(stream, data[at:at + 100], padding=n % 256)
        self.trailers(stream)


class Server:
    """Listens on a free port, for one case."""

    def __init__(self, case):
        self.case, self.faults, self.calls = case, [], []
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            while True:
                Connection(self, self.sock.accept()[0])
        except OSError:
            pass

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
