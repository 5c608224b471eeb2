#!/usr/bin/python3
"""Make the archives that must be refused: make_archives.py DIR writes each as a file and DIR/index.json.

The index is a list of {"file", "words", "status"}: the archive, a part of the sentence that refuses it, and the status.
Headers are built byte by byte: the tar programs are too polite to write most of these.
"""
import bz2
import gzip
import io
import json
import lzma
import os
import sys
import zipfile

BLOCK = 512
END = bytes(2 * BLOCK)
ENTRIES_MAX = 100000


def header(name=b"file", size=0, kind=b"0", mode=b"0000644\0", magic=b"ustar\x0000", link=b"", prefix=b"",
           size_field=None, checksum=None):
    """One header block; what is not named is as a good writer has it."""
    field = size_field if size_field is not None else b"%011o\0" % size
    h = bytearray(BLOCK)
    for at, value in ((0, name), (100, mode), (108, b"0000000\0"), (116, b"0000000\0"), (124, field),
                      (136, b"00000000000\0"), (148, b" " * 8), (156, kind), (157, link), (257, magic), (345, prefix)):
        h[at:at + len(value)] = value
    h[148:156] = checksum if checksum is not None else b"%06o\0 " % sum(h)
    assert len(h) == BLOCK
    return bytes(h)


def padded(data):
    return data + bytes(-len(data) % BLOCK)


def entry(name=b"file", data=b"", **more):
    return header(name, len(data), **more) + padded(data)


def record(key, value):
    body = b" " + key + b"=" + value + b"\n"
    n = len(body) + 1
    while len(str(n)) + len(body) != n:
        n += 1
    return str(n).encode() + body


def pax(*pairs, kind=b"x", raw=None):
    return entry(b"pax", raw if raw is not None else b"".join(record(k, v) for k, v in pairs), kind=kind)


def long_name(name, kind=b"L"):
    return entry(b"././@LongLink", name + b"\0", kind=kind, magic=b"ustar  \0")


def many_entries(count):
    """Headers that differ in nine digits: their checksum is changed with them, not summed anew."""
    base = bytearray(header(b"n000000000"))
    plain = sum(base) - sum(base[148:156]) + 8 * 32 - 9 * 48
    for i in range(count):
        digits = b"%09d" % i
        base[1:10] = digits
        base[148:156] = b"%06o\0 " % (plain + sum(digits))
        yield bytes(base)


def deep(levels):
    return b"/".join([b"d"] * levels)


def zip_of_a_file():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("run.sh", "echo\n" * 400)
    return out.getvalue()


GOOD = entry(b"run.sh", b"echo hello\n")
TWICE = "is in the archive twice"
LINK = "symbolic link"
NUMBER = "size that is not a number"

CASES = [
    # names
    ("absolute", entry(b"/etc/passwd", b"x"), "absolute name"),
    ("absolute-dot", entry(b".//../etc/passwd", b"x"), "leads out of the archive"),
    ("absolute-prefix", entry(b"passwd", b"x", prefix=b"/etc"), "absolute name"),
    ("absolute-pax", pax((b"path", b"/etc/passwd")) + entry(b"file", b"x"), "absolute name"),
    ("absolute-long-name", long_name(b"/etc/" + b"a" * 120) + entry(b"file", b"x"), "absolute name"),
    ("only-a-slash", entry(b"/", kind=b"5"), "absolute name"),
    ("dotdot", entry(b"../escape", b"x"), "leads out of the archive"),
    ("dotdot-inside", entry(b"a/../../escape", b"x"), "leads out of the archive"),
    ("dotdot-at-end", entry(b"a/..", kind=b"5"), "leads out of the archive"),
    ("dotdot-pax", pax((b"path", b"a/../../x")) + entry(), "leads out of the archive"),
    ("dotdot-long-name", long_name(b"../" + b"a" * 120) + entry(), "leads out of the archive"),
    ("dotdot-prefix", entry(b"x", prefix=b".."), "leads out of the archive"),
    ("dot-inside", entry(b"a/./b", b"x"), "only a dot"),
    ("empty-part", entry(b"a//b", b"x"), "empty part"),
    ("no-name", entry(b"", b"x"), "without a name"),
    ("newline", entry(b"a\nb", b"x"), "line break"),
    ("newline-pax", pax((b"path", b"a\nb")) + entry(), "line break"),
    ("escape-sequence", entry(b"a\x1b[2Jb", b"x"), "\\x1b[2Jb\" has a control character"),
    ("nul-in-name", entry(b"run.sh\0.txt", b"x"), "zero byte in its name"),
    ("nul-in-pax-path", pax((b"path", b"a\0b")) + entry(), "zero byte in it"),
    ("nul-in-long-name", long_name(b"a\0b") + entry(), "zero byte in it"),
    ("long-part", pax((b"path", b"n" * 256)) + entry(), "part longer than 255"),
    ("long-path", pax((b"path", b"/".join([b"n" * 99] * 11))) + entry(), "name of more than 1024"),
    ("deep", pax((b"path", deep(34))) + entry(), "deeper than 32"),
    ("deep-directory", pax((b"path", deep(33) + b"/")) + entry(kind=b"5"), "deeper than 32"),
    ("file-with-slash", entry(b"dir/", b"x"), "ends in a slash"),
    # types
    ("symlink", entry(b"l", kind=b"2", link=b"/etc/shadow"), LINK),
    ("symlink-then-below", entry(b"l", kind=b"2", link=b"/etc") + entry(b"l/passwd", b"x"), LINK),
    ("hardlink", entry(b"h", kind=b"1", link=b"/etc/shadow"), "hard link"),
    ("long-link", long_name(b"/" + b"x" * 200, kind=b"K") + entry(b"l", kind=b"2"), "link with a long target"),
    ("character-device", entry(b"null", kind=b"3"), "character device"),
    ("block-device", entry(b"sda", kind=b"4"), "block device"),
    ("fifo", entry(b"pipe", kind=b"6"), "FIFO"),
    ("contiguous", entry(b"c", kind=b"7"), "unknown type"),
    ("unknown-type", entry(b"c", kind=b"Z"), "unknown type"),
    ("volume-label", entry(b"label", kind=b"V", magic=b"ustar  \0"), "volume label"),
    ("multi-volume", entry(b"part", kind=b"M", magic=b"ustar  \0"), "multi-volume"),
    ("sparse-gnu", entry(b"hole", kind=b"S", magic=b"ustar  \0"), "sparse file"),
    ("sparse-pax", pax((b"GNU.sparse.major", b"1"), (b"GNU.sparse.realsize", b"1099511627776")) + entry(), "sparse"),
    ("sparse-pax-name", pax((b"GNU.sparse.name", b"/etc/passwd")) + entry(), "sparse"),
    # the same name again
    ("duplicate", GOOD + GOOD, TWICE),
    ("duplicate-dot", entry(b"a", b"1") + entry(b"./a", b"2"), TWICE),
    ("duplicate-directory", entry(b"d/", kind=b"5") + entry(b"d", kind=b"5"), TWICE),
    ("directory-over-file", entry(b"a", b"1") + entry(b"a/", kind=b"5"), TWICE),
    ("file-over-directory", entry(b"a/", kind=b"5") + entry(b"a", b"1"), "is a file where the archive has a directory"),
    ("file-over-implied", entry(b"a/b", b"1") + entry(b"a", b"1"), "is a file where the archive has a directory"),
    ("below-a-file", entry(b"a", b"1") + entry(b"a/b", b"2"), "lies below a name that is a file"),
    # pax records
    ("pax-linkpath", pax((b"linkpath", b"/etc/shadow")) + entry(), "makes an entry a link"),
    ("pax-two-sizes", pax((b"size", b"1")) + entry(b"f", b"x" * 600), "has two sizes"),
    ("pax-size-twice", pax((b"size", b"1"), (b"size", b"2")) + entry(), "one entry two sizes"),
    ("pax-path-twice", pax((b"path", b"a"), (b"path", b"b")) + entry(), "one entry two names"),
    ("pax-size-negative", pax((b"size", b"-1")) + entry(), "pax size that is not a number"),
    ("pax-global-path", pax((b"path", b"a"), kind=b"g") + entry(), "for all entries"),
    ("pax-global-size", pax((b"size", b"1"), kind=b"g") + entry(), "for all entries"),
    ("pax-unknown", pax((b"realtime.x", b"1")) + entry(), "overrides \"realtime.x\""),
    ("pax-nul-keyword", pax((b"path\0x", b"a")) + entry(), "keyword with a zero byte"),
    ("pax-length-too-large", pax(raw=b"99 path=a\n") + entry(), "pax record of wrong length"),
    ("pax-length-too-small", pax(raw=b"3 path=a\n") + entry(), "pax record of wrong length"),
    ("pax-no-length", pax(raw=b"path=a\n") + entry(), "pax record of wrong length"),
    ("pax-no-keyword", pax(raw=b"6 =ab\n") + entry(), "without a keyword"),
    ("pax-huge", header(b"pax", 1 << 30, kind=b"x"), "pax records of impossible size"),
    ("pax-for-nothing", GOOD + pax((b"path", b"a")), "an entry was still announced"),
    # numbers
    ("size-negative", header(b"f", size_field=b"\xff" * 12), "negative size"),
    ("size-base256-huge", header(b"f", size_field=b"\x80" + b"\xff" * 11), NUMBER),
    ("size-garbage", header(b"f", size_field=b"12x45678901\0"), NUMBER),
    ("size-empty", header(b"f", size_field=bytes(12)), NUMBER),
    ("size-huge", header(b"f", size=0o77777777777), "bytes allowed", 8),
    ("size-sum", entry(b"a", b"x" * 1024) + header(b"b", size_field=b"\x80" + (1 << 54).to_bytes(11, "big")),
     "bytes allowed", 8),
    ("directory-with-data", entry(b"d", b"data", kind=b"5"), "a directory that has data"),
    ("mode-garbage", entry(b"f", mode=b"0x7fffff"), "mode that is not a number"),
    ("checksum-wrong", GOOD + header(b"f", checksum=b"000001\0 "), "wrong checksum"),
    ("no-ustar", entry(b"f", b"x", magic=bytes(8)), "before ustar"),
    # ends
    ("no-bytes", None, "is empty"),
    ("half-a-header", (GOOD[:100],), "not a tar archive"),
    ("cut-in-data", (entry(b"f", b"x" * 2000)[:1500],), "\"f\" lacks 1012 bytes"),
    ("cut-in-header", (GOOD + GOOD[:99],), "end mark is missing"),
    ("no-end", (GOOD,), "end mark is missing"),
    ("half-an-end", (GOOD + bytes(BLOCK),), "end mark is missing"),
    ("lone-zero-block", GOOD + bytes(BLOCK) + entry(b"x"), "follows half an end mark"),
    ("after-the-end", (GOOD + END + entry(b"second", b"x") + END,), "after the end of the archive"),
    ("text", (b"#!/bin/sh\necho hello\n" * 60,), "not a tar archive"),
    # packed
    ("gzip", (gzip.compress(GOOD + END),), "gzip data"),
    ("xz", (lzma.compress(GOOD + END),), "xz data"),
    ("bzip2", (bz2.compress(GOOD + END),), "bzip2 data"),
    ("zip", (zip_of_a_file(),), "zip data"),
    ("zstd", (b"\x28\xb5\x2f\xfd" + bytes(range(200)),), "zstd data"),
]


def write(folder, name, blocks):
    with open(os.path.join(folder, name), "wb") as f:
        for block in blocks:
            f.write(block)


def main(folder):
    index = []
    os.makedirs(folder, exist_ok=True)
    for number, (name, content, words, *status) in enumerate(CASES):
        file = "%02d-%s.tar" % (number, name)
        # a tuple is written as it is; all else gets its end mark
        blocks = () if content is None else content if isinstance(content, tuple) else (content, END)
        write(folder, file, blocks)
        index.append({"file": file, "words": words, "status": status[0] if status else 3})
    write(folder, "98-entries.tar", many_entries(ENTRIES_MAX + 2))
    index.append({"file": "98-entries.tar", "words": "is one too many", "status": 3})
    write(folder, "99-directories.tar", (entry(b"%05d/" % i + deep(20) + b"/f") for i in range(5000)))
    index.append({"file": "99-directories.tar", "words": "is one too many", "status": 3})
    with open(os.path.join(folder, "index.json"), "w", encoding="ascii") as f:
        json.dump(index, f, indent=1)


if __name__ == "__main__":
    main(sys.argv[1])
