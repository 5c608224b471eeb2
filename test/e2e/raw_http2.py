"""HTTP/2 by hand: frames as bytes and fields as HPACK literals (RFC 9113, RFC 7541), for peers that break rules.

Nothing here refuses to send nonsense; that is its use. Answers are read into Frame tuples and fields are not
decoded but for what a test asks (`shows`).
"""
import collections
import socket
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 0x1
END_HEADERS, PADDED, PRIORITIZED = 0x4, 0x8, 0x20

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR, \
    REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM = range(12)

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, \
    MAX_HEADER_LIST_SIZE = range(1, 7)

Frame = collections.namedtuple("Frame", "type flags stream payload")


# --- bytes ------------------------------------------------------------------------------------------------------


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    length = len(payload) if length is None else length
    return struct.pack(">I", length)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def settings(*pairs, **options):
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", k, v) for k, v in pairs), **options)


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def rst_stream(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def priority(stream, depends_on, weight=15):
    return frame(PRIORITY, 0, stream, struct.pack(">IB", depends_on, weight))


def ping(data=b"12345678", flags=0):
    return frame(PING, flags, 0, data)


def goaway(last=0, code=NO_ERROR):
    return frame(GOAWAY, 0, 0, struct.pack(">II", last, code))


def integer(value, bits, first=0):
    """HPACK's number with a prefix of so many bits."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out, value = bytes([first | most]), value - most
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return integer(len(value), 7) + value


def literal(name, value):
    """Neither indexed nor Huffman coded."""
    return b"\x00" + text(name) + text(value)


def indexed_literal(name, value):
    """Enters the table."""
    return b"\x40" + text(name) + text(value)


def fields(*pairs):
    return b"".join(literal(n, v) for n, v in pairs)


def request_fields(path="/test.Echo/Unary", method="POST"):
    return ((":method", method), (":scheme", "http"), (":path", path), (":authority", "localhost"))


def request(path="/test.Echo/Unary", *more):
    """The block of a call of gRPC."""
    return fields(*request_fields(path), ("content-type", "application/grpc"), ("te", "trailers"), *more)


def headers(stream, block, flags=END_HEADERS):
    return frame(HEADERS, flags, stream, block)


def message(data=b"", size=0, words=b""):
    """test.Echo's Item behind gRPC's five bytes."""
    item = b""
    if data:
        item += b"\x0a" + _varint(len(data)) + data
    if size:
        item += b"\x10" + _varint(size)
    if words:
        item += b"\x1a" + _varint(len(words)) + words
    return b"\0" + struct.pack(">I", len(item)) + item


def _varint(n):
    return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + _varint(n >> 7)


# --- a connection -----------------------------------------------------------------------------------------------


class Gone(Exception):
    """The server closed the connection."""


class Peer:
    """A client that does what it is told. Answers pile up in .seen."""

    def __init__(self, port, open=True, timeout=5, settings_=(), receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect(("127.0.0.1", port))
        self.port, self.timeout, self.raw, self.seen, self.over = port, timeout, b"", [], False
        if open:
            self.send(PREFACE + settings(*settings_))
            self.until(lambda f: f.type == SETTINGS and not f.flags & ACK)
            self.send(frame(SETTINGS, ACK))
            self.until(lambda f: f.type == SETTINGS and f.flags & ACK)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        """True: it went out. A peer that is cut off while it sends is told by read()."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            self.over = True
            return False

    def call(self, stream, *messages, path="/test.Echo/Unary"):
        self.send(headers(stream, request(path)) + frame(DATA, END_STREAM, stream, b"".join(messages)))

    def _take(self):
        if len(self.raw) < 9:
            return None
        length = int.from_bytes(self.raw[:3], "big")
        if len(self.raw) < 9 + length:
            return None
        got = Frame(self.raw[3], self.raw[4], int.from_bytes(self.raw[5:9], "big"), self.raw[9:9 + length])
        self.raw = self.raw[9 + length:]
        self.seen.append(got)
        return got

    def read(self, deadline=None):
        """The next frame; Gone at the end, socket.timeout after that."""
        deadline = deadline or time.monotonic() + self.timeout
        while True:
            got = self._take()
            if got:
                return got
            left = deadline - time.monotonic()
            if left <= 0:
                raise socket.timeout()
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            finally:
                self.socket.settimeout(self.timeout)
            if not data:
                self.over = True
                raise Gone()
            self.raw += data

    def until(self, wanted):
        deadline = time.monotonic() + self.timeout
        while True:
            got = self.read(deadline)
            if wanted(got):
                return got

    def drain(self, most=100000):
        """What has come, without waiting."""
        self.socket.setblocking(False)
        try:
            for _ in range(most):
                data = self.socket.recv(65536)
                if not data:
                    self.over = True
                    break
                self.raw += data
        except (BlockingIOError, InterruptedError):
            pass
        except ConnectionResetError:
            self.over = True
        finally:
            self.socket.settimeout(self.timeout)
        while self._take():
            pass

    def end(self):
        """Wait for the server to close; the code of its GOAWAY, None if there was none."""
        deadline = time.monotonic() + self.timeout
        try:
            while True:
                self.read(deadline)
        except Gone:
            return self.goaway()

    def goaway(self):
        codes = [int.from_bytes(f.payload[4:8], "big") for f in self.seen if f.type == GOAWAY]
        return codes[-1] if codes else None
