"""A server by the rows of http2_rules.py: each sends its bytes on a connection of its own and waits for the answer due."""
import socket
import subprocess


import pytest

import hive
import http2_rules as rules
import raw_http2 as h2

GROUPS = {"generic": rules.GENERIC, "http2": rules.HTTP2, "hpack": rules.HPACK}
ROWS = [pytest.param(row, id=f"{group}-{row.section}-{row.what}") for group, rows in GROUPS.items() for row in rows]


@pytest.fixture(scope="module")
def port():
    server = subprocess.Popen([hive.built("test/tool/echo_server")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    yield int(server.stdout.readline())
    server.terminate()
    assert server.wait(timeout=5) == 0


# --- answers due ------------------------------------------------------------------------------------------------


def code(frame):
    at = 4 if frame.type == h2.GOAWAY else 0
    return int.from_bytes(frame.payload[at:at + 4], "big")


def ends(frame, n):
    return frame.stream == n and frame.type == h2.HEADERS and frame.flags & h2.END_STREAM or \
        frame.stream == n and frame.type == h2.DATA and frame.flags & h2.END_STREAM


def lives(peer, due):
    peer.send(h2.ping(b"alive  ?"))
    peer.until(lambda f: f.type == h2.PING and f.flags & h2.ACK and f.payload == b"alive  ?")
    assert peer.goaway() is None


def answered(peer, due):
    got = next((f for f in peer.seen if ends(f, due.stream)), None) or \
        peer.until(lambda f: ends(f, due.stream) or f.type == h2.GOAWAY or
                   f.type == h2.RST_STREAM and f.stream == due.stream)
    assert ends(got, due.stream), got
    if not any(f.type == h2.GOAWAY for f in peer.seen):
        lives_or_closes(peer, due)


def stream(peer, due):
    got = peer.until(lambda f: f.type == h2.GOAWAY or f.type == h2.RST_STREAM and f.stream == due.stream)
    assert code(got) in due.codes, got


def connection(peer, due):
    assert peer.end() in due.codes


def or_closed(peer, due):
    assert peer.end() in (*due.codes, None)


def closed_or_ignored(peer, due):
    """Sent when it was closed: an error, or ignored because it may have been on its way."""
    peer.send(h2.ping(b"alive  ?"))
    got = peer.until(lambda f: f.type in (h2.GOAWAY, h2.RST_STREAM) or f.type == h2.PING and f.payload == b"alive  ?")
    assert got.type == h2.PING or code(got) in due.codes, got


def answered_or_stream(peer, due):
    got = peer.until(lambda f: ends(f, due.stream) or f.type in (h2.GOAWAY, h2.RST_STREAM))
    assert ends(got, due.stream) or code(got) in due.codes, got


def lives_or_closes(peer, due):
    try:
        peer.send(h2.ping(b"alive  ?"))
        peer.until(lambda f: f.type == h2.PING and f.flags & h2.ACK and f.payload == b"alive  ?")
    except h2.Gone:
        assert peer.goaway() in (None, h2.NO_ERROR)


def acknowledged(peer, due):
    peer.until(lambda f: f.type == h2.SETTINGS and f.flags & h2.ACK)


def last_stream(peer, due):
    got = peer.until(lambda f: f.type == h2.GOAWAY)
    assert code(got) in due.codes and int.from_bytes(got.payload[:4], "big") == due.stream


def pong(peer, due):
    peer.until(lambda f: f.type == h2.PING and f.flags & h2.ACK and f.payload == due.codes[0])


def no_pong(peer, due):
    lives(peer, due)
    assert not [f for f in peer.seen if f.type == h2.PING and f.payload == due.codes[0]]


def data_of_size(peer, due):
    got = peer.until(lambda f: f.type == h2.DATA and f.stream == due.stream)
    assert len(got.payload) == due.codes[0]


KINDS = {f.__name__: f for f in (answered, lives, stream, connection, or_closed, closed_or_ignored, answered_or_stream,
                                lives_or_closes, acknowledged, last_stream, pong, no_pong)}
KINDS.update(first_data=data_of_size, second_data=data_of_size)


@pytest.mark.parametrize("row", ROWS)
def test_rule(port, row):
    steps = row.sent if isinstance(row.sent, list) else [row.sent]
    with h2.Peer(port, open=not row.raw, timeout=3) as peer:
        for step in (*steps, row.due):
            if isinstance(step, bytes):
                assert step
                peer.send(step)
                continue
            try:
                KINDS[step.kind](peer, step)
            except socket.timeout:
                pytest.fail(f"nothing came in time; seen {peer.seen[-3:]}")


def test_it_serves_after_all_that(port):
    with h2.Peer(port) as peer:
        peer.call(1, h2.message(b"hello"))
        assert peer.until(lambda f: f.type == h2.DATA and f.stream == 1).payload


def test_no_rule_is_written_twice():
    """Rules count once: by their words and by their bytes."""
    rows = [(group, row) for group, rows in GROUPS.items() for row in rows]
    assert len({(group, row.section, row.what) for group, row in rows}) == len(rows)
    assert [len(rows) for rows in GROUPS.values()] >= [44, 95, 8]
