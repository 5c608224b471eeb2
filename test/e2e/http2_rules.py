"""What RFC 9113 (HTTP/2) and RFC 7541 (HPACK) ask of a server, as rows: section, what, the bytes sent, the answer due.

Three groups: GENERIC is what every client does, HTTP2 and HPACK are mostly what none should. A row's bytes follow an
exchange of SETTINGS unless they are `raw`. Answers due:

    answered(n)        a response on stream n that ends, and the connection lives
    lives()            PING is acknowledged
    stream(n, code)    stream n is reset with one of the codes, or the whole connection ends with it
    connection(code)   GOAWAY with one of the codes, then the end; `or_closed` where the RFC lets a GOAWAY be omitted
"""
import collections
import struct

from raw_http2 import *  # noqa: F403 - the words of the protocol

Row = collections.namedtuple("Row", "section what sent due raw")
Due = collections.namedtuple("Due", "kind stream codes")


def row(section, what, sent, due, raw=False):
    return Row(section, what, sent, due, raw)


def answered(n=1):
    return Due("answered", n, ())


def lives():
    return Due("lives", 0, ())


def stream(n, *codes):
    return Due("stream", n, codes)


def connection(*codes):
    return Due("connection", 0, codes)


def or_closed(*codes):
    return Due("or_closed", 0, codes)


MESSAGE = message(b"hello", 7)
BLOCK = request()
CHAT = request("/test.Echo/Chat")
GET = fields(*request_fields("/", "GET"))
HEAD = fields(*request_fields("/", "HEAD"))


def body(n=1, flags=END_STREAM, payload=MESSAGE):
    return frame(DATA, flags, n, payload)


def call(n=1, block=BLOCK):
    return headers(n, block) + body(n)


def chat(n=1):
    """A call that stays open."""
    return headers(n, CHAT)


def done(n=1):
    """A request without a body: our half is closed."""
    return headers(n, GET, END_HEADERS | END_STREAM)


def padded(payload, pad):
    return bytes([pad]) + payload + b"\0" * pad


def prioritized(block, depends_on=0, weight=15):
    return struct.pack(">IB", depends_on, weight) + block


def pseudo(*names, more=()):
    """A request with these pseudo-fields and :authority only."""
    values = dict(request_fields())
    return fields(*((name, values[name]) for name in (*names, ":authority")), ("content-type", "application/grpc"), *more)


HUFFMAN_EXAMPLE = b"\x8c" + bytes.fromhex("f1e3c2e5f23a6ba0ab90f4ff")  # www.example.com, of RFC 7541 C.4.1
METHOD, SCHEME, PATH = literal(":method", "POST"), literal(":scheme", "http"), literal(":path", "/test.Echo/Unary")
AUTHORITY, GRPC = literal(":authority", "localhost"), literal("content-type", "application/grpc")

GENERIC = [
    row("3.4", "preface and an empty SETTINGS open a connection",
        PREFACE + settings() + call(), answered(), raw=True),
    row("3.4", "preface and SETTINGS may come with the first request",
        PREFACE + settings((MAX_FRAME_SIZE, 16384)) + call(), answered(), raw=True),
    row("3.4", "frames may follow before the server's SETTINGS are acknowledged",
        PREFACE + settings() + ping() + call(), answered(), raw=True),
    row("4.1", "a frame of no length is taken", headers(1, CHAT) + body(1, 0, b"") + body(1), answered()),
    row("4.1", "the reserved bit of a stream's number is ignored",
        frame(HEADERS, END_HEADERS, 1 | 1 << 31, BLOCK) +
        body(), answered()),
    row("5.1", "idle to half closed (remote): HEADERS that end the stream", done(), answered()),
    row("5.1", "idle to open to half closed (remote): HEADERS, then DATA that ends it", call(), answered()),
    row("5.1", "half closed (remote): WINDOW_UPDATE is taken", done() + window_update(1, 10), answered()),
    row("5.1", "half closed (remote): PRIORITY is taken", done() + priority(1, 0), answered()),
    row("5.1", "half closed (remote): RST_STREAM is taken", done() + rst_stream(1), lives()),
    row("5.1", "closed: PRIORITY is taken", [done(), answered(), priority(1, 0)], lives()),
    row("5.1", "closed by us: WINDOW_UPDATE that was on its way is taken",
        [done(), answered(), window_update(1, 9)],
        lives()),
    row("5.1", "closed: RST_STREAM that was on its way is taken",
        [done(), answered(), rst_stream(1)], lives()),
    row("5.1", "idle: PRIORITY is taken", priority(1, 0) + call(), answered()),
    row("5.1.1", "numbers of streams may leave gaps", call(9), answered(9)),
    row("5.1.2", "many streams at once", b"".join(call(n) for n in range(1, 101, 2)), answered(99)),
    row("5.3.2", "PRIORITY of the lowest weight", priority(1, 0, 0) + call(), answered()),
    row("5.3.2", "PRIORITY of the highest weight", priority(1, 0, 255) + call(), answered()),
    row("5.3.2", "PRIORITY that depends on a stream", priority(3, 1) + call(), answered()),
    row("5.3.2", "PRIORITY that depends on a stream exclusively",
        priority(3, 1 | 1 << 31) + call(), answered()),
    row("6.1", "DATA", call(), answered()),
    row("6.1", "several DATA", headers(1, BLOCK) + body(1, 0, MESSAGE[:3]) + body(1, 0, MESSAGE[3:6]) +
        body(1, END_STREAM, MESSAGE[6:]), answered()),
    row("6.1", "padded DATA",
        headers(1, BLOCK) + body(1, END_STREAM | PADDED, padded(MESSAGE, 10)), answered()),
    row("6.1", "an empty DATA that ends the stream",
        headers(1, BLOCK) + body(1, 0) + body(1, END_STREAM, b""),
        answered()),
    row("6.2", "HEADERS", headers(1, BLOCK) + body(), answered()),
    row("6.2", "padded HEADERS", headers(1, padded(BLOCK, 7), END_HEADERS | PADDED) + body(), answered()),
    row("6.2", "HEADERS with a priority", headers(1, prioritized(BLOCK), END_HEADERS | PRIORITIZED) + body(),
        answered()),
    row("6.2", "padded HEADERS with a priority",
        headers(1, padded(prioritized(BLOCK), 7), END_HEADERS | PRIORITIZED | PADDED) + body(), answered()),
    row("6.4", "RST_STREAM, and another call after it", chat() + rst_stream(1) + call(3), answered(3)),
    row("6.5", "SETTINGS with values", settings((HEADER_TABLE_SIZE, 100), (MAX_CONCURRENT_STREAMS, 10),
                                               (INITIAL_WINDOW_SIZE, 1000)) + call(), answered()),
    row("6.5", "SETTINGS are acknowledged",
        settings((INITIAL_WINDOW_SIZE, 1000)), Due("acknowledged", 0, ())),
    row("6.7", "PING", ping(), lives()),
    row("6.8", "GOAWAY, and the calls begun before it", chat() + goaway() + body(1), answered()),
    row("6.9", "WINDOW_UPDATE of the connection", window_update(0, 1) + call(), answered()),
    row("6.9", "WINDOW_UPDATE of a stream", chat() + window_update(1, 1) + body(1), answered()),
    row("6.10", "one CONTINUATION",
        headers(1, BLOCK[:20], 0) + frame(CONTINUATION, END_HEADERS, 1, BLOCK[20:]) +
        body(), answered()),
    row("6.10", "several CONTINUATION, cut within a field", headers(1, BLOCK[:5], 0) +
        frame(CONTINUATION, 0, 1, BLOCK[5:33]) + frame(CONTINUATION, END_HEADERS, 1, BLOCK[33:]) + body(), answered()),
    row("6.10", "an empty HEADERS and all of it in CONTINUATION",
        headers(1, b"", 0) + frame(CONTINUATION, END_HEADERS, 1, BLOCK) + body(), answered()),
    row("8.1", "GET", done(), answered()),
    row("8.1", "HEAD", headers(1, HEAD, END_HEADERS | END_STREAM), answered()),
    row("8.1", "POST", call(), answered()),
    row("8.1", "POST with trailers", headers(1, BLOCK) + body(1, 0) +
        headers(1, literal("x-checksum", "1"), END_HEADERS | END_STREAM), answered()),
    row("8.1.1", "content-length that is right",
        headers(1, BLOCK + literal("content-length", str(len(MESSAGE)))) +
        body(), answered()),
    row("8.2.3", "cookie in pieces",
        headers(1, BLOCK + literal("cookie", "a=b") + literal("cookie", "c=d")) + body(),
        answered()),
    row("7541 6.1", "indexed fields", headers(1, b"\x83\x86" + PATH + AUTHORITY + GRPC) + body(), answered()),
    row("7541 6.2.1", "literal with indexing, then named by its index",
        headers(1, METHOD + SCHEME + indexed_literal(":path", "/test.Echo/Unary") + AUTHORITY + GRPC) + body() +
        headers(3, METHOD + SCHEME + b"\xbe" + AUTHORITY + GRPC) + body(3), answered(3)),
    row("7541 6.2.2", "literal without indexing, name by index", headers(1, b"\x83\x86\x04" +
                                                                        text("/test.Echo/Unary") + AUTHORITY + GRPC) + body(),
        answered()),
    row("7541 6.2.3", "literal never indexed",
        headers(1, METHOD + SCHEME + PATH + AUTHORITY + GRPC + b"\x10" + text("secret") +
                                                      text("1")) + body(), answered()),
    row("7541 5.2", "Huffman coded strings",
        headers(1, METHOD + SCHEME + PATH + b"\x01" + HUFFMAN_EXAMPLE + GRPC) +
        body(), answered()),
    row("7541 6.3", "an update of the table's size at the beginning of a block",
        headers(1, b"\x20" + BLOCK) + body(),
        answered()),
    row("7541 4.2", "two updates of the table's size at the beginning of a block",
        headers(1, b"\x20" + integer(4096, 5, 0x20) + BLOCK) + body(), answered()),
]

HTTP2 = [
    row("3.4", "a preface that is none",
        b"INVALID CONNECTION PREFACE\r\n\r\n", or_closed(PROTOCOL_ERROR), raw=True),
    row("3.4", "HTTP/2 of another minor version",
        b"PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n", or_closed(PROTOCOL_ERROR), raw=True),
    row("3.4", "a preface not followed by SETTINGS", PREFACE + ping(), connection(PROTOCOL_ERROR), raw=True),
    row("3.4", "a preface followed by a request", PREFACE + call(), connection(PROTOCOL_ERROR), raw=True),
    row("4.1", "a frame of an unknown type is ignored", frame(0x16, 0, 0, b"x" * 8) + call(), answered()),
    row("4.1", "undefined flags are ignored", frame(PING, 0x16, 0, b"12345678"), lives()),
    row("4.1", "undefined flags of DATA are ignored",
        headers(1, BLOCK) + body(1, END_STREAM | 0x46), answered()),
    row("4.1", "the reserved bit is ignored", frame(PING, 0, 1 << 31, b"12345678"), lives()),
    row("4.2", "DATA of the largest size", chat() + body(1, 0, message(b"x" * (16384 - 5 - 4))) + body(1),
        answered()),
    row("4.2", "DATA above SETTINGS_MAX_FRAME_SIZE", chat() + body(1, 0, b"\0" * 16385),
        stream(1, FRAME_SIZE_ERROR)),
    row("4.2", "HEADERS above SETTINGS_MAX_FRAME_SIZE", headers(1, BLOCK + literal("x", "y" * 16384)),
        connection(FRAME_SIZE_ERROR)),
    row("4.2", "CONTINUATION above SETTINGS_MAX_FRAME_SIZE", headers(1, BLOCK, 0) +
        frame(CONTINUATION, END_HEADERS, 1, literal("x", "y" * 16384)), connection(FRAME_SIZE_ERROR)),
    row("4.2", "SETTINGS above SETTINGS_MAX_FRAME_SIZE",
        settings(*[(0x99, 1)] * 2731), connection(FRAME_SIZE_ERROR)),
    row("4.3", "a block that cannot be decoded",
        headers(1, b"\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff"),
        connection(COMPRESSION_ERROR)),
    row("4.3", "a block that is cut off", headers(1, BLOCK + b"\x00\x0a"), connection(COMPRESSION_ERROR)),
    row("4.3", "PRIORITY within a block", headers(1, BLOCK, 0) + priority(1, 0), connection(PROTOCOL_ERROR)),
    row("4.3", "HEADERS of another stream within a block", headers(1, BLOCK, 0) + headers(3, BLOCK),
        connection(PROTOCOL_ERROR)),
    row("4.3", "an unknown frame within a block", headers(1, BLOCK, 0) + frame(0x16, 0, 1, b""),
        connection(PROTOCOL_ERROR)),
    row("5.1", "idle: DATA", body(1), connection(PROTOCOL_ERROR)),
    row("5.1", "idle: RST_STREAM", rst_stream(1), connection(PROTOCOL_ERROR)),
    row("5.1", "idle: WINDOW_UPDATE", window_update(1, 100), connection(PROTOCOL_ERROR)),
    row("5.1", "idle: CONTINUATION", frame(CONTINUATION, END_HEADERS, 1, BLOCK), connection(PROTOCOL_ERROR)),
    row("5.1", "idle: PUSH_PROMISE", frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 2) + BLOCK),
        connection(PROTOCOL_ERROR)),
    row("5.1", "half closed (remote): DATA",
        headers(1, CHAT, END_HEADERS) + body(1, END_STREAM, message(words=b"x")) +
        body(1), stream(1, STREAM_CLOSED)),
    row("5.1", "half closed (remote): DATA in the same packet",
        headers(1, request("/test.Echo/Repeat")) + body(1, END_STREAM, message(b"x" * 1000, 1000)) + body(1),
        stream(1, STREAM_CLOSED)),
    row("5.1", "half closed (remote): HEADERS",
        headers(1, request("/test.Echo/Repeat")) + body(1, END_STREAM, message(b"x" * 1000, 1000)) +
        headers(1, literal("x", "y"), END_HEADERS | END_STREAM), stream(1, STREAM_CLOSED)),
    row("5.1", "half closed (remote): CONTINUATION",
        headers(1, request("/test.Echo/Repeat")) + body(1, END_STREAM, message(b"x" * 1000, 1000)) +
        frame(CONTINUATION, END_HEADERS, 1, BLOCK), connection(PROTOCOL_ERROR, STREAM_CLOSED)),
    row("5.1", "closed after RST_STREAM: DATA", [chat() + rst_stream(1), lives(), body(1)],
        Due("closed_or_ignored", 1, (STREAM_CLOSED, PROTOCOL_ERROR))),
    row("5.1", "closed after RST_STREAM: HEADERS", [chat() + rst_stream(1), lives(), chat()],
        stream(1, STREAM_CLOSED, PROTOCOL_ERROR)),
    row("5.1", "closed after RST_STREAM: CONTINUATION",
        [chat() + rst_stream(1), lives(), frame(CONTINUATION, END_HEADERS, 1, CHAT)],
        connection(PROTOCOL_ERROR, STREAM_CLOSED)),
    row("5.1", "closed after END_STREAM both ways: DATA", [call(), answered(), body(1)],
        Due("closed_or_ignored", 1, (STREAM_CLOSED, PROTOCOL_ERROR))),
    row("5.1", "closed after END_STREAM both ways: HEADERS", [call(), answered(), chat()],
        connection(STREAM_CLOSED, PROTOCOL_ERROR)),
    row("5.1", "closed after END_STREAM both ways: CONTINUATION",
        [call(), answered(), frame(CONTINUATION, END_HEADERS, 1, CHAT)], connection(PROTOCOL_ERROR, STREAM_CLOSED)),
    row("5.1.1", "a stream of an even number", headers(2, BLOCK), connection(PROTOCOL_ERROR)),
    row("5.1.1", "a stream of a number below one used before", headers(5, CHAT) + headers(3, CHAT),
        connection(PROTOCOL_ERROR, STREAM_CLOSED)),
    row("5.1.1", "HEADERS on stream 0", headers(0, BLOCK), connection(PROTOCOL_ERROR)),
    row("5.1.2", "more streams at once than may be", b"".join(chat(n) for n in range(1, 2 * 128 + 2, 2)),
        stream(257, PROTOCOL_ERROR, REFUSED_STREAM)),
    row("5.3.1", "PRIORITY of a stream on itself changes nothing (RFC 9113 has no priorities)",
        priority(1, 1) + call(),
        Due("answered_or_stream", 1, (PROTOCOL_ERROR,))),
    row("5.3.1", "HEADERS that depend on themselves",
        headers(1, prioritized(BLOCK, 1), END_HEADERS | PRIORITIZED) +
        body(), Due("answered_or_stream", 1, (PROTOCOL_ERROR,))),
    row("5.4.1", "after a connection error the connection is closed", frame(PING, 0, 1, b"12345678"),
        connection(PROTOCOL_ERROR)),
    row("5.4.1", "GOAWAY names the last stream that was handled", [call(), answered(), ping(b"1234567")],
        Due("last_stream", 1, (FRAME_SIZE_ERROR,))),
    row("5.4.2", "a stream error leaves other streams alone",
        headers(1, request("/test.Echo/Chat", ("Upper", "case"))) + call(3), answered(3)),
    row("5.5", "unknown settings are ignored",
        settings((0x99, 1), (0xffff, 0xffffffff)) + call(), answered()),
    row("5.5", "unknown frames on a stream are ignored", chat() + frame(0xbb, 0xff, 1, b"x" * 100) + body(1),
        answered()),
    row("6.1", "DATA on stream 0", body(0), connection(PROTOCOL_ERROR)),
    row("6.1", "DATA padded with all there is and more",
        headers(1, BLOCK) + frame(DATA, PADDED | END_STREAM, 1, b"\x06hello"),
        connection(PROTOCOL_ERROR)),
    row("6.1", "DATA padded with as much as its payload",
        headers(1, BLOCK) + frame(DATA, PADDED | END_STREAM, 1, b"\xffhello"),
        connection(PROTOCOL_ERROR)),
    row("6.1", "padded DATA too short for a pad length",
        headers(1, BLOCK) + frame(DATA, PADDED | END_STREAM, 1, b""),
        connection(FRAME_SIZE_ERROR, PROTOCOL_ERROR)),
    row("6.2", "HEADERS without END_HEADERS, then DATA",
        headers(1, BLOCK, 0) + body(1), connection(PROTOCOL_ERROR)),
    row("6.2", "HEADERS without END_HEADERS, then PING",
        headers(1, BLOCK, 0) + ping(), connection(PROTOCOL_ERROR)),
    row("6.2", "HEADERS without END_HEADERS, then SETTINGS",
        headers(1, BLOCK, 0) + settings(), connection(PROTOCOL_ERROR)),
    row("6.2", "HEADERS padded with more than there is",
        headers(1, b"\xff" + BLOCK[:100], END_HEADERS | PADDED), connection(PROTOCOL_ERROR)),
    row("6.2", "HEADERS with a priority too short for one", headers(1, b"\0\0\0", END_HEADERS | PRIORITIZED),
        connection(FRAME_SIZE_ERROR, PROTOCOL_ERROR)),
    row("6.3", "PRIORITY on stream 0", priority(0, 1), connection(PROTOCOL_ERROR)),
    row("6.3", "PRIORITY of four bytes",
        chat() + frame(PRIORITY, 0, 1, b"\x80\0\0\1"), stream(1, FRAME_SIZE_ERROR)),
    row("6.3", "PRIORITY of six bytes",
        chat() + frame(PRIORITY, 0, 1, b"\x80\0\0\1\1\1"), stream(1, FRAME_SIZE_ERROR)),
    row("6.4", "RST_STREAM on stream 0", rst_stream(0), connection(PROTOCOL_ERROR)),
    row("6.4", "RST_STREAM on an idle stream", rst_stream(7), connection(PROTOCOL_ERROR)),
    row("6.4", "RST_STREAM of three bytes",
        chat() + frame(RST_STREAM, 0, 1, b"\0\0\0"), connection(FRAME_SIZE_ERROR)),
    row("6.4", "RST_STREAM of five bytes",
        chat() + frame(RST_STREAM, 0, 1, b"\0\0\0\0\0"), connection(FRAME_SIZE_ERROR)),
    row("6.4", "RST_STREAM with an unknown code", chat() + rst_stream(1, 0x7777) + call(3), answered(3)),
    row("6.5", "an acknowledgement of SETTINGS with a payload",
        settings((1, 1), flags=ACK), connection(FRAME_SIZE_ERROR)),
    row("6.5", "SETTINGS on a stream", settings(stream=1), connection(PROTOCOL_ERROR)),
    row("6.5", "SETTINGS of a length that is no multiple of six",
        frame(SETTINGS, 0, 0, b"\0\1\0"), connection(FRAME_SIZE_ERROR)),
    row("6.5.2", "ENABLE_PUSH that is neither 0 nor 1",
        settings((ENABLE_PUSH, 2)), connection(PROTOCOL_ERROR)),
    row("6.5.2", "INITIAL_WINDOW_SIZE above 2^31-1",
        settings((INITIAL_WINDOW_SIZE, 1 << 31)), connection(FLOW_CONTROL_ERROR)),
    row("6.5.2", "MAX_FRAME_SIZE below 2^14", settings((MAX_FRAME_SIZE, 16383)), connection(PROTOCOL_ERROR)),
    row("6.5.2", "MAX_FRAME_SIZE above 2^24-1",
        settings((MAX_FRAME_SIZE, 1 << 24)), connection(PROTOCOL_ERROR)),
    row("6.5.2", "an unknown setting", settings((0xff, 1)) + call(), answered()),
    row("6.5.3", "of a setting given twice the last counts",
        settings((INITIAL_WINDOW_SIZE, 100), (INITIAL_WINDOW_SIZE, 1)) +
        call(), Due("first_data", 1, (1,))),
    row("6.5.3", "SETTINGS are acknowledged at once", settings(), Due("acknowledged", 0, ())),
    row("6.6", "PUSH_PROMISE from a client",
        chat() + frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 2) + BLOCK),
        connection(PROTOCOL_ERROR)),
    row("6.7", "PING is answered with the same eight bytes",
        ping(b"\0\xffabcde\1"), Due("pong", 0, (b"\0\xffabcde\1",))),
    row("6.7", "an acknowledgement that nobody asked for is not answered",
        ping(b"nobody :", ACK) + ping(), Due("no_pong", 0, (b"nobody :",))),
    row("6.7", "PING on a stream", frame(PING, 0, 1, b"12345678"), connection(PROTOCOL_ERROR)),
    row("6.7", "PING of seven bytes", ping(b"1234567"), connection(FRAME_SIZE_ERROR)),
    row("6.7", "PING of nine bytes", ping(b"123456789"), connection(FRAME_SIZE_ERROR)),
    row("6.8", "GOAWAY on a stream",
        frame(GOAWAY, 0, 1, struct.pack(">II", 0, 0)), connection(PROTOCOL_ERROR)),
    row("6.8", "GOAWAY of seven bytes", frame(GOAWAY, 0, 0, b"\0" * 7), connection(FRAME_SIZE_ERROR)),
    row("6.9", "WINDOW_UPDATE of 0 of the connection", window_update(0, 0), connection(PROTOCOL_ERROR)),
    row("6.9", "WINDOW_UPDATE of 0 of a stream", chat() + window_update(1, 0), stream(1, PROTOCOL_ERROR)),
    row("6.9", "WINDOW_UPDATE of three bytes",
        frame(WINDOW_UPDATE, 0, 0, b"\0\0\1"), connection(FRAME_SIZE_ERROR)),
    row("6.9", "WINDOW_UPDATE of five bytes",
        frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\0\1"), connection(FRAME_SIZE_ERROR)),
    row("6.9.1", "no more DATA than the window of the stream",
        settings((INITIAL_WINDOW_SIZE, 1)) + call(), Due("first_data", 1, (1,))),
    row("6.9.1", "the window of the connection above 2^31-1",
        window_update(0, 0x7fffffff), connection(FLOW_CONTROL_ERROR)),
    row("6.9.1", "the window of a stream above 2^31-1",
        chat() + window_update(1, 0x7fffffff), stream(1, FLOW_CONTROL_ERROR)),
    row("6.9.1", "DATA beyond the window of a stream",
        headers(1, BLOCK) + b"".join(body(1, 0, (b"\0\0\x3f\xff\xff" + b"\0" * 16379)
                                                                                   if i == 0 else b"\0" * 16384) for i in range(70)),
        stream(1, FLOW_CONTROL_ERROR)),
    row("6.9.2", "a new initial window holds for streams that are open",
        [settings((INITIAL_WINDOW_SIZE, 0)) + call(), Due("acknowledged", 0, ()), settings((INITIAL_WINDOW_SIZE, 1))],
        Due("first_data", 1, (1,))),
    row("6.9.2", "a window may become negative",
        [settings((INITIAL_WINDOW_SIZE, 3)) + call(), Due("first_data", 1, (3,)),
                                                 settings((INITIAL_WINDOW_SIZE, 2)) + window_update(1, 2)],
        Due("second_data", 1, (1,))),
    row("6.9.2", "an initial window that takes a stream above 2^31-1",
        chat() + window_update(1, 0x7fff0000) + settings((INITIAL_WINDOW_SIZE, 0x7fffffff)), connection(FLOW_CONTROL_ERROR)),
    row("6.10", "CONTINUATION on stream 0",
        headers(1, BLOCK, 0) + frame(CONTINUATION, END_HEADERS, 0, b""), connection(PROTOCOL_ERROR)),
    row("6.10", "CONTINUATION of another stream",
        headers(1, BLOCK, 0) + frame(CONTINUATION, END_HEADERS, 3, b""), connection(PROTOCOL_ERROR)),
    row("6.10", "CONTINUATION after HEADERS that were complete",
        chat() + frame(CONTINUATION, END_HEADERS, 1, b""), connection(PROTOCOL_ERROR)),
    row("6.10", "CONTINUATION after CONTINUATION that was complete",
        headers(1, CHAT, 0) + frame(CONTINUATION, END_HEADERS, 1, b"") +
        frame(CONTINUATION, END_HEADERS, 1, b""), connection(PROTOCOL_ERROR)),
    row("6.10", "CONTINUATION after DATA",
        chat() + body(1, 0) + frame(CONTINUATION, END_HEADERS, 1, b""), connection(PROTOCOL_ERROR)),
    row("6.10", "several CONTINUATION, then DATA",
        headers(1, CHAT, 0) + frame(CONTINUATION, 0, 1, b"") + frame(CONTINUATION, 0, 1, b"") +
        body(1), connection(PROTOCOL_ERROR)),
    row("7", "GOAWAY with an unknown code", goaway(0, 0xff) + ping(), Due("lives_or_closes", 0, ())),
    row("7", "RST_STREAM with an unknown code", chat() + rst_stream(1, 0xff), lives()),
    row("8.1", "HEADERS in the middle that do not end the stream",
        headers(1, BLOCK) + body(1, 0) + headers(1, literal("x", "y")),
        stream(1, PROTOCOL_ERROR)),
    row("8.1", "pseudo-fields in trailers",
        headers(1, BLOCK) + body(1, 0) + headers(1, METHOD, END_HEADERS | END_STREAM),
        stream(1, PROTOCOL_ERROR)),
    row("8.1.1", "content-length above what comes",
        headers(1, BLOCK + literal("content-length", "100")) + body(), stream(1, PROTOCOL_ERROR)),
    row("8.1.1", "content-length below what comes",
        headers(1, BLOCK + literal("content-length", "1")) + body(1, 0) + body(1),
        stream(1, PROTOCOL_ERROR)),
    row("8.1.1", "content-length that is no number",
        headers(1, BLOCK + literal("content-length", "x")), stream(1, PROTOCOL_ERROR)),
    row("8.2.1", "a name in upper case",
        headers(1, BLOCK + literal("X-Upper", "y")), stream(1, PROTOCOL_ERROR)),
    row("8.2.1", "a name with a space", headers(1, BLOCK + literal("a b", "y")), stream(1, PROTOCOL_ERROR)),
    row("8.2.1", "a name of no length", headers(1, BLOCK + literal("", "y")), stream(1, PROTOCOL_ERROR)),
    row("8.2.1", "a value with a line feed",
        headers(1, BLOCK + literal("a", "x\ny")), stream(1, PROTOCOL_ERROR)),
    row("8.2.1", "a value with a zero byte",
        headers(1, BLOCK + literal("a", "x\0y")), stream(1, PROTOCOL_ERROR)),
    row("8.2.2", "a field of the connection",
        headers(1, BLOCK + literal("connection", "keep-alive")), stream(1, PROTOCOL_ERROR)),
    row("8.2.2", "transfer-encoding",
        headers(1, BLOCK + literal("transfer-encoding", "chunked")), stream(1, PROTOCOL_ERROR)),
    row("8.2.2", "te of something other than trailers",
        headers(1, METHOD + SCHEME + PATH + AUTHORITY + GRPC + literal("te", "trailers, deflate")), stream(1, PROTOCOL_ERROR)),
    row("8.3", "an unknown pseudo-field",
        headers(1, literal(":test", "1") + BLOCK), stream(1, PROTOCOL_ERROR)),
    row("8.3", "a pseudo-field of responses",
        headers(1, literal(":status", "200") + BLOCK), stream(1, PROTOCOL_ERROR)),
    row("8.3", "a pseudo-field after others",
        headers(1, METHOD + SCHEME + AUTHORITY + GRPC + PATH), stream(1, PROTOCOL_ERROR)),
    row("8.3.1", "an empty :path",
        headers(1, METHOD + SCHEME + literal(":path", "") + AUTHORITY + GRPC), stream(1, PROTOCOL_ERROR)),
    row("8.3.1", "no :method", headers(1, pseudo(":scheme", ":path")), stream(1, PROTOCOL_ERROR)),
    row("8.3.1", "no :scheme", headers(1, pseudo(":method", ":path")), stream(1, PROTOCOL_ERROR)),
    row("8.3.1", "no :path", headers(1, pseudo(":method", ":scheme")), stream(1, PROTOCOL_ERROR)),
    row("8.3.1", "two :method", headers(1, METHOD + BLOCK), stream(1, PROTOCOL_ERROR)),
    row("8.3.1", "two :scheme", headers(1, SCHEME + BLOCK), stream(1, PROTOCOL_ERROR)),
    row("8.3.1", "two :path", headers(1, PATH + BLOCK), stream(1, PROTOCOL_ERROR)),
    row("8.4", "a promised stream is used", headers(2, BLOCK), connection(PROTOCOL_ERROR)),
]

HPACK = [
    row("2.3.3", "an index above both tables",
        headers(1, BLOCK + integer(70, 7, 0x80)), connection(COMPRESSION_ERROR)),
    row("2.3.3", "a name by an index above both tables",
        headers(1, BLOCK + integer(70, 6, 0x40) + text("x")), connection(COMPRESSION_ERROR)),
    row("4.2", "an update of the table's size after a field",
        headers(1, BLOCK + b"\x20"), connection(COMPRESSION_ERROR)),
    row("5.1", "a number that is too large",
        headers(1, BLOCK + b"\xff\xff\xff\xff\xff\xff\xff\x7f"), connection(COMPRESSION_ERROR)),
    row("5.2", "Huffman padding longer than seven bits",
        headers(1, METHOD + SCHEME + PATH + b"\x01" + b"\x8d" + HUFFMAN_EXAMPLE[1:] + b"\xff"),
        connection(COMPRESSION_ERROR)),
    row("5.2", "Huffman padding with zeros",
        headers(1, METHOD + SCHEME + PATH + b"\x01" + b"\x81\x18"), connection(COMPRESSION_ERROR)),
    row("5.2", "Huffman with the end-of-string symbol",
        headers(1, METHOD + SCHEME + PATH + b"\x01" + b"\x84\xff\xff\xff\xff"),
        connection(COMPRESSION_ERROR)),
    row("6.1", "the index 0", headers(1, BLOCK + b"\x80"), connection(COMPRESSION_ERROR)),
    row("6.3", "a table larger than SETTINGS allow",
        headers(1, integer(4097, 5, 0x20) + BLOCK), connection(COMPRESSION_ERROR)),
]
