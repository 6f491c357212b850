"""Zips built byte by byte, with faults that no tool makes. Every value can be false."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import TypedDict

DEFLATED, STORED = 8, 0
DESCRIPTOR, UTF8 = 1 << 3, 1 << 11
MAX16, MAX32 = 0xFFFF, 0xFFFF_FFFF
PAGE = b"<!doctype html><title>x</title>"


class Header(TypedDict, total=False):
    """False values of a local header or a directory entry."""

    signature: bytes
    name: bytes
    made_by: int
    flags: int
    method: int
    crc: int
    length: int
    size: int
    extra: bytes
    comment: bytes
    disk: int
    attributes: int
    header: int


class End(TypedDict, total=False):
    """False values of the end record."""

    disk: int
    first_disk: int
    here: int
    count: int
    size: int
    start: int
    comment_length: int


@dataclass
class File:
    """One member. `raw` is its stored data, by default the deflated content."""

    name: bytes = b"index.html"
    content: bytes = PAGE
    method: int = DEFLATED
    raw: bytes | None = None
    flags: int = 0
    extra: bytes = b""
    attributes: int = 0o100644 << 16
    local: Header = field(default_factory=lambda: Header())
    central: Header = field(default_factory=lambda: Header())
    after: bytes = b""

    @property
    def data(self) -> bytes:
        """Returns the stored data."""
        if self.raw is not None:
            return self.raw
        return deflate(self.content) if self.method == DEFLATED else self.content


def deflate(content: bytes, level: int = 6) -> bytes:
    """Returns the content as raw deflate."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def inflating_to(size: int) -> bytes:
    """Returns raw deflate of that many zero bytes (whole MiB). It is a thousandth as long, because it repeats one
    block."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * (size >> 20) + deflate(b"")


def craft(
    *files: File,
    prefix: bytes = b"",
    gap: bytes = b"",
    suffix: bytes = b"",
    comment: bytes = b"",
    end: End | None = None,
) -> bytes:
    """Returns the zip of these members. `gap` comes before the directory. `prefix` and `suffix` come before and after
    everything."""
    body, entries = bytearray(), []
    for file in files:
        entries.append(central_entry(file, len(body)))
        body += local_header(file) + file.data + file.after
    body += gap
    directory = b"".join(entries)
    return prefix + bytes(body) + directory + end_record(len(files), len(directory), len(body), comment, end) + suffix


def said(file: File, lies: Header, header: int) -> Header:
    """Returns the true values of a member, overridden by the false values."""
    truth = Header(
        name=file.name, made_by=3 << 8 | 20, flags=file.flags, method=file.method, crc=zlib.crc32(file.content),
        length=len(file.data), size=len(file.content), extra=file.extra, comment=b"", disk=0,
        attributes=file.attributes, header=header,
    )  # fmt: skip
    return truth | lies


def local_header(file: File) -> bytes:
    """Returns the member's local header."""
    told = said(file, file.local, 0)
    signature = told.get("signature", b"PK\3\4")
    return (
        struct.pack("<4s5H3L2H", signature, 20, told["flags"], told["method"], 0, 33, told["crc"], told["length"],
                    told["size"], len(told["name"]), len(told["extra"]))
        + told["name"] + told["extra"]
    )  # fmt: skip


def central_entry(file: File, header: int) -> bytes:
    """Returns the member's entry in the directory."""
    told = said(file, file.central, header)
    signature = told.get("signature", b"PK\1\2")
    return (
        struct.pack("<4s6H3L5H2L", signature, told["made_by"], 20, told["flags"], told["method"], 0, 33, told["crc"],
                    told["length"], told["size"], len(told["name"]), len(told["extra"]), len(told["comment"]),
                    told["disk"], 0, told["attributes"], told["header"])
        + told["name"] + told["extra"] + told["comment"]
    )  # fmt: skip


def end_record(count: int, size: int, start: int, comment: bytes = b"", lies: End | None = None) -> bytes:
    """Returns the end of central directory record."""
    truth = End(disk=0, first_disk=0, here=count, count=count, size=size, start=start, comment_length=len(comment))
    told = truth | (lies or End())
    return (
        struct.pack("<4s4H2LH", b"PK\5\6", told["disk"], told["first_disk"], told["here"], told["count"], told["size"],
                    told["start"], told["comment_length"])
        + comment
    )  # fmt: skip


def end_record64(count: int, size: int, start: int, *, disks: int = 1, position: int | None = None) -> bytes:
    """Returns the zip64 end record and its locator."""
    at = start + size if position is None else position
    return struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start) + struct.pack(
        "<4sLQL", b"PK\6\7", 0, at, disks
    )


def craft64(*files: File, lies: End | None = None, disks: int = 1, position: int | None = None) -> bytes:
    """Returns the zip of these members with a zip64 end record. The plain end record only refers to it."""
    plain = craft(*files)
    end = len(plain) - 22
    count, size, start = struct.unpack_from("<HLL", plain, end + 10)
    narrow = End(here=MAX16, count=MAX16, size=MAX32, start=MAX32) | (lies or End())
    return (
        plain[:end] + end_record64(count, size, start, disks=disks, position=position)
        + end_record(count, size, start, b"", narrow)
    )  # fmt: skip


def zip64_field(*values: int) -> bytes:
    """Returns the zip64 extended information extra field."""
    return struct.pack(f"<2H{len(values)}Q", 1, 8 * len(values), *values)


def unicode_path_field(raw_name: bytes, name: str, *, crc: int | None = None, version: int = 1) -> bytes:
    """Returns Info-ZIP's Unicode Path extra field."""
    body = struct.pack("<BL", version, zlib.crc32(raw_name) if crc is None else crc) + name.encode()
    return struct.pack("<2H", 0x7075, len(body)) + body
