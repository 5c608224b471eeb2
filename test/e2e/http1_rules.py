"""What nobody may send to a page, row by row: (name, bytes, statuses of the answers).

In the bytes {host} is the right Host, {get} a path that anyone may read, {private} one that needs a session, {post} one
that takes JSON (with a token), {sign_in} where one signs in, {token} a line with a right token,
{cookie} one with the cookie of a session, {name} its name.
One status: the connection was ended after it, whatever came behind. A last 200: the connection goes on, and a plain
request sent after it is answered. () = ended without a word.

keep(row, connect, values) sends a row to whoever connect() leads to and looks at what is answered: the server that tests
drive (test_http_front.py) and a master (test_master_api.py).
"""
import re
import time

SECONDS = 15  # for whatever is awaited

GET = "GET {get} HTTP/1.1\r\n"
HOST = "Host: {host}\r\n"
END = "\r\n"
PRIVATE = "GET {private} HTTP/1.1\r\n" + HOST
POST = "POST {post} HTTP/1.1\r\n" + HOST + "{token}Content-Type: application/json\r\n"
SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: {host}\r\n\r\n"


def host(value):
    return GET + f"Host: {value}\r\n" + END


def field(line):
    return GET + HOST + line + "\r\n" + END


def chunked(body, *more):
    return POST + "".join(line + "\r\n" for line in more) + "Transfer-Encoding: chunked\r\n\r\n" + body


def cross(*lines):
    """With a right session, as a browser sends it for a page of somebody else."""
    return PRIVATE + "{cookie}" + "".join(line + "\r\n" for line in lines) + END


def change(*lines, method="POST", body="{{}}"):
    return f"{method} {{post}} HTTP/1.1\r\n" + HOST + "{cookie}" + "".join(line + "\r\n" for line in lines) + \
        f"Content-Length: {len(body.format())}\r\n\r\n" + body


JSON, CSRF, ORIGIN = "Content-Type: application/json", "X-Hivemind-Csrf: 1", "Origin: http://{host}"

ROWS = [
    # --- who is meant: DNS rebinding, and proxies
    ("host-of-the-attacker", host("evil.example"), (403, 200)),
    ("host-with-our-port", host("evil.example:{port}"), (403, 200)),
    ("host-that-ends-like-ours", host("evil.{host}"), (403, 200)),
    ("host-that-begins-like-ours", host("{host}.evil.example"), (403, 200)),
    ("host-of-another-port", host("127.0.0.1:1"), (403, 200)),
    ("host-without-port", host("127.0.0.1"), (403, 200)),
    ("host-zero", host("0.0.0.0:{port}"), (403, 200)),
    ("host-as-number", host("2130706433:{port}"), (403, 200)),
    ("host-with-user", host("user@{host}"), (403, 200)),
    ("host-empty", host(""), (403, 200)),
    ("host-missing", GET + END, (400,)),
    ("host-twice", GET + HOST + "Host: evil.example\r\n" + END, (400,)),
    ("host-twice-the-same", GET + HOST + HOST + END, (400,)),
    ("absolute-form-of-another", "GET http://evil.example/ HTTP/1.1\r\n" + HOST + END, (403, 200)),
    ("absolute-form-of-ours", "GET http://{host}{get} HTTP/1.1\r\n" + HOST + END, (200, 200)),
    ("absolute-form-of-https", "GET https://{host}{get} HTTP/1.1\r\n" + HOST + END, (400, 200)),
    ("asterisk-form", "OPTIONS * HTTP/1.1\r\n" + HOST + END, (400, 200)),
    ("connect", "CONNECT evil.example:443 HTTP/1.1\r\n" + HOST + END, (501,)),
    ("trace", "TRACE {get} HTTP/1.1\r\n" + HOST + END, (501,)),

    # --- who asks: CSRF, other users of the machine
    ("no-session", PRIVATE + END, (401, 200)),
    ("wrong-cookie", PRIVATE + "Cookie: {name}=" + "0" * 64 + "\r\n" + END, (401, 200)),
    ("wrong-token", PRIVATE + "Authorization: Bearer wrong\r\n" + END, (401, 200)),
    ("basic-token", PRIVATE + "Authorization: Basic dXNlcjpwYXNz\r\n" + END, (401, 200)),
    ("origin-of-the-attacker", cross("Origin: http://evil.example"), (403, 200)),
    ("origin-null", cross("Origin: null"), (403, 200)),
    ("origin-of-another-port", cross("Origin: http://127.0.0.1:1"), (403, 200)),
    ("origin-of-https", cross("Origin: https://{host}"), (403, 200)),
    ("cross-site-script", cross("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"), (403, 200)),
    ("cross-site-link", cross("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"),
     (403, 200)),
    ("same-site-other-port", cross("Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: cors"), (403, 200)),
    ("cross-site-frame", field("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe"), (403, 200)),
    ("preflight", "OPTIONS {post} HTTP/1.1\r\n" + HOST +
     "Origin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\n\r\n", (403, 200)),
    ("change-without-origin", change(JSON, CSRF), (403,)),
    ("change-without-csrf-header", change(JSON, ORIGIN), (403,)),
    ("change-with-wrong-csrf-header", change(JSON, ORIGIN, "X-Hivemind-Csrf: 0"), (403,)),
    ("change-as-a-form-does", change("Content-Type: application/x-www-form-urlencoded", ORIGIN, CSRF, body="a=b"), (415,)),
    ("change-as-text", change("Content-Type: text/plain", ORIGIN, CSRF), (415,)),
    ("change-without-type", change(ORIGIN, CSRF), (415,)),
    ("change-of-another-site", change(JSON, ORIGIN, CSRF, "Sec-Fetch-Site: same-site"), (403,)),
    ("method-overridden", field("X-HTTP-Method-Override: DELETE"), (200, 200)),

    # --- where a request ends: smuggling
    ("length-and-chunks", chunked("0\r\n\r\n" + SMUGGLED, "Content-Length: 4"), (400,)),
    ("chunks-and-length", POST + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + SMUGGLED, (400,)),
    ("length-twice", POST + "Content-Length: 2\r\nContent-Length: 40\r\n\r\n{{}}" + SMUGGLED, (400,)),
    ("length-twice-the-same", POST + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{{}}", (400,)),
    ("length-as-list", POST + "Content-Length: 2, 2\r\n\r\n{{}}", (400,)),
    ("length-with-plus", POST + "Content-Length: +2\r\n\r\n{{}}", (400,)),
    ("length-negative", POST + "Content-Length: -1\r\n\r\n", (400,)),
    ("length-as-hex", POST + "Content-Length: 0x2\r\n\r\n{{}}", (400,)),
    ("length-too-long", POST + "Content-Length: 99999999999999999999\r\n\r\n", (400,)),
    ("length-empty", POST + "Content-Length: \r\n\r\n", (400,)),
    ("length-of-too-much", POST + "Content-Length: 99999999\r\n\r\n", (413,)),
    ("coding-unknown", POST + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", (501,)),
    ("coding-identity", POST + "Transfer-Encoding: identity\r\n\r\n" + SMUGGLED, (501,)),
    ("coding-obscured", POST + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED, (501,)),
    ("coding-twice", POST + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", (400,)),
    ("coding-behind-a-blank", POST + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, (400,)),
    ("coding-with-vertical-tab", POST + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED, (400,)),
    ("chunk-without-size", chunked("\r\n\r\n"), (400,)),
    ("chunk-size-no-number", chunked("zz\r\n"), (400,)),
    ("chunk-size-with-0x", chunked("0x2\r\n{{}}\r\n0\r\n\r\n"), (400,)),
    ("chunk-size-negative", chunked("-1\r\n"), (400,)),
    ("chunk-size-too-long", chunked("fffffffffffffffff\r\n"), (400,)),
    ("chunk-longer-than-said", chunked("2\r\n{{}}x\r\n0\r\n\r\n"), (400,)),
    ("chunk-with-bare-lf", chunked("2\n{{}}\n0\n\n" + SMUGGLED), (400,)),
    ("chunk-with-long-extension", chunked("2;" + "x" * 5000 + "\r\n{{}}\r\n0\r\n\r\n"), (400,)),
    ("chunks-with-trailer", chunked("2\r\n{{}}\r\n0\r\nHost: evil.example\r\n\r\n"), (400,)),
    ("chunks-of-too-much", chunked("fffff\r\n" + "x" * 0xfffff + "\r\nff\r\n" + "x" * 0xff + "\r\n0\r\n\r\n"), (413,)),
    ("too-much-of-a-stranger", "POST {sign_in} HTTP/1.1\r\n" + HOST + ORIGIN + "\r\n" + JSON + "\r\n" + CSRF +
     "\r\nContent-Length: 20000\r\n\r\n", (413,)),
    ("chunks-right", chunked("1\r\n{{\r\n1\r\n}}\r\n0\r\n\r\n"), (200, 200)),
    ("get-with-a-body", PRIVATE + "{token}Content-Length: 5\r\n\r\nGET /", (400,)),

    # --- how a head is written
    ("bare-lf", GET.replace("\r\n", "\n") + HOST + END, (400,)),
    ("bare-lf-ends-the-head", GET + "Host: {host}\r\n\n" + SMUGGLED, (400,)),
    ("bare-cr", GET + "X: a\rb\r\n" + HOST + END, (400,)),
    ("empty-field", field("X:\r\nY: \r\nZ:"), (200, 200)),
    ("nul-in-a-field", GET + HOST + "X: a\0b\r\n" + END, (400,)),
    ("nul-in-the-path", "GET /\0 HTTP/1.1\r\n" + HOST + END, (400,)),
    ("escape-in-a-field", field("X: \x1b[31m"), (400,)),
    ("folded-field", field("X: a\r\n b"), (400,)),
    ("folded-first-field", GET + " X: a\r\n" + HOST + END, (400,)),
    ("blank-before-colon", field("X : a"), (400,)),
    ("no-colon", field("X"), (400,)),
    ("no-name", field(": a"), (400,)),
    ("name-with-brackets", field("X(y): a"), (400,)),
    ("two-blanks", "GET  {get} HTTP/1.1\r\n" + HOST + END, (400,)),
    ("tab-in-request-line", "GET\t{get} HTTP/1.1\r\n" + HOST + END, (400,)),
    ("blank-at-the-end", "GET {get} HTTP/1.1 \r\n" + HOST + END, (400,)),
    ("no-path", "GET HTTP/1.1\r\n" + HOST + END, (400,)),
    ("path-without-slash", "GET x HTTP/1.1\r\n" + HOST + END, (400, 200)),
    ("path-that-leads-out", "GET /../etc/passwd HTTP/1.1\r\n" + HOST + END, (400, 200)),
    ("path-that-leads-out-escaped", "GET /%2e%2e%2fetc/passwd HTTP/1.1\r\n" + HOST + END, (400, 200)),
    ("path-with-zero-escaped", "GET /%00 HTTP/1.1\r\n" + HOST + END, (400, 200)),
    ("path-with-newline-escaped", "GET /%0d%0aSet-Cookie:x HTTP/1.1\r\n" + HOST + END, (400, 200)),
    ("path-half-escaped", "GET /%4 HTTP/1.1\r\n" + HOST + END, (400, 200)),
    ("path-not-utf8", "GET /%ff%fe HTTP/1.1\r\n" + HOST + END, (400, 200)),
    ("path-with-raw-bytes", "GET /\xe9 HTTP/1.1\r\n" + HOST + END, (400,)),
    ("fragment", "GET {get}#x HTTP/1.1\r\n" + HOST + END, (400, 200)),
    ("version-0.9", "GET {get}\r\n", (400,)),
    ("version-1.0", "GET {get} HTTP/1.0\r\n" + HOST + END, (505,)),
    ("version-2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (505,)),
    ("version-in-lower-case", "GET {get} http/1.1\r\n" + HOST + END, (400,)),
    ("method-unknown", "BREW {get} HTTP/1.1\r\n" + HOST + END, (501,)),
    ("method-in-lower-case", "get {get} HTTP/1.1\r\n" + HOST + END, (501,)),
    ("method-not-here", "DELETE {get} HTTP/1.1\r\n" + HOST + END, (405, 200)),
    ("expectation-unknown", field("Expect: 200-ok"), (417,)),
    ("upgrade", field("Connection: upgrade\r\nUpgrade: websocket"), (200, 200)),
    ("tls", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", (400,)),
    ("two-empty-lines", "\r\n\r\n" + GET + HOST + END, (400,)),
    ("one-empty-line", "\r\n" + GET + HOST + END, (200, 200)),

    # --- how much of it
    ("path-too-long", "GET /" + "a" * 5000 + " HTTP/1.1\r\n" + HOST + END, (414,)),
    ("line-without-end", "GET /" + "a" * 100000, (414,)),
    ("head-too-large", field("X: " + "a" * 9000), (431,)),
    ("field-without-end", GET + HOST + "X: " + "a" * 100000, (431,)),
    ("fields-too-many", GET + HOST + "".join(f"X-{i}: {i}\r\n" for i in range(70)) + END, (431,)),
    ("query-too-many", "GET {get}?" + "&".join(f"a{i}=1" for i in range(100)) + " HTTP/1.1\r\n" + HOST + END, (400, 200)),

    # --- how slowly
    ("nothing", "", ()),
    ("half-a-request-line", "GET /", (408,)),
    ("half-a-head", GET + HOST, (408,)),
    ("half-a-body", POST + "Content-Length: 10\r\n\r\n{{", (408,)),
    ("half-a-chunk", chunked("5\r\n{{"), (408,)),
]


def statuses(data):
    return tuple(int(n) for n in re.findall(rb"HTTP/1\.1 ([2-9]\d\d) ", data))


def read_all(s, seconds=SECONDS):
    """Until the other end closes it."""
    data, deadline = b"", time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            piece = s.recv(1 << 16)
        except ConnectionResetError:
            break
        if not piece:
            return data
        data += piece
    raise AssertionError(f"still open after {data[:500]}")


def values(port, cookie, token, **paths):
    """What the braces of the rows stand for."""
    return dict(paths, host=f"127.0.0.1:{port}", port=port, name=cookie.split("=")[0], cookie=f"Cookie: {cookie}\r\n",
                token=f"Authorization: Bearer {token}\r\n")


def say(values, text):
    text = re.sub(r"\{(\w+)\}", lambda m: str(values[m[1]]), text)
    return text.replace("{{", "{").replace("}}", "}").encode("latin-1")


def keep(row, connect, values):
    _, text, expected = row
    goes_on = len(expected) > 1
    last = say(values, GET + HOST + "Connection: close\r\n\r\n")
    with connect() as s:
        try:
            s.sendall(say(values, text) + (last if goes_on else b""))
        except (BrokenPipeError, ConnectionResetError):
            pass  # it did not wait for the rest
        data = read_all(s)
    assert statuses(data) == expected, data[:2000]
    assert b"smuggled" not in data and b"evil" not in data and b"Access-Control" not in data
    if not goes_on and expected:
        assert b"Connection: close" in data and b"application/problem+json" in data
