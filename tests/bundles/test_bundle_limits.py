"""Limits hold while inflating, whatever the headers state, and memory and time stay bounded."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from easel.bundles import errors
from easel.bundles.inflate import inflated
from easel.bundles.inspect import inspect, inspect_file
from easel.bundles.models import Allowances, Limits
from easel.errors import BadRequestError
from tests.bundles.crafted import File, Header, central_entry, craft, deflate, end_record, inflating_to, local_header
from tests.bundles.looking import look

MIB = 1 << 20


def peak(work: Callable[[], object]) -> int:
    """Returns the maximum number of bytes in use during the work. tracemalloc sees isal's memory."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def refusal_of(data: bytes, limits: Limits | None = None) -> BadRequestError:
    with pytest.raises(BadRequestError) as refusal:
        look(data, limits=limits)
    return refusal.value


def test_the_measured_peak_includes_inflating() -> None:
    assert peak(lambda: inflated(memoryview(inflating_to(8 * MIB)), 8, 8 * MIB)) >= 8 * MIB


def test_each_limit_is_exact() -> None:
    data = craft(File(content=b"x" * 100), File(b"a.js", b"y" * 50), File(b"__MACOSX/z", b"z" * 500))
    exact = Limits(max_files=2, max_file_size=100, max_total_size=150)
    assert len(look(data, limits=exact).files) == 2
    too_many = refusal_of(craft(File(), File(b"a", b""), File(b"b", b"")), Limits(max_files=2))
    assert type(too_many) is errors.TooManyFilesError
    assert too_many.details == {"count": 3, "limit": 2}
    too_large = refusal_of(data, Limits(max_file_size=99))
    assert type(too_large) is errors.FileTooLargeError
    assert too_large.details == {"member": "index.html", "size": 100, "limit": 99}
    too_much = refusal_of(data, Limits(max_total_size=149))
    assert type(too_much) is errors.InflatesTooLargeError
    assert too_much.details == {"size": 150, "limit": 149}
    too_long = refusal_of(data, Limits(max_names_bytes=len("index.html" + "a.js") - 1))
    assert type(too_long) is errors.NamesTooLongError


def test_too_many_members_are_refused_before_they_are_read() -> None:
    files = [File(b"f%d" % number, b"") for number in range(25)]
    assert type(refusal_of(craft(File(), *files), Limits(max_files=12))) is errors.TooManyFilesError
    folders = [File(b"f%d/" % number, b"") for number in range(25)]
    assert type(refusal_of(craft(File(), *folders), Limits(max_files=12))) is errors.TooManyFilesError


@pytest.mark.parametrize("claimed", [0, 1000, 2 * MIB])
def test_a_member_that_inflates_to_more_than_it_claims_is_stopped_there(claimed: int) -> None:
    bomb = inflating_to(600 * MIB)
    lie = Header(size=claimed)
    data = craft(File(raw=bomb, local=lie, central=lie))
    began = time.process_time()
    held = peak(lambda: refusal_of(data))
    assert type(refusal_of(data)) is errors.SizeMismatchError
    assert held < 4 * MIB
    assert time.process_time() - began < 5


def test_an_honest_large_member_is_read_in_bounded_memory() -> None:
    size = 200 * MIB
    zeros = inflating_to(size)
    lie = Header(size=size, crc=1)
    data = craft(File(raw=zeros, local=lie, central=lie), File(b"b", raw=zeros, local=lie, central=lie))
    held = peak(lambda: refusal_of(data))
    assert type(refusal_of(data)) is errors.CrcMismatchError
    assert held < 4 * MIB


def test_a_stored_member_is_read_in_bounded_memory() -> None:
    body = bytes(16 * MIB)
    data = craft(File(), File(b"big.bin", body, method=0))
    assert peak(lambda: look(data)) < 4 * MIB


def test_many_small_members_that_are_large_in_all_are_refused_before_inflating() -> None:
    raw = inflating_to(MIB)
    lie = Header(size=200 * MIB)
    files = [File(b"f%d" % number, raw=raw, local=lie, central=lie) for number in range(20)]
    began = time.process_time()
    assert type(refusal_of(craft(File(), *files))) is errors.InflatesTooLargeError
    assert time.process_time() - began < 1


@pytest.mark.parametrize("named_alike", [True, False])
def test_a_bomb_of_overlapping_members_is_refused_before_inflating(named_alike: bool) -> None:
    kernel = File(b"kernel", raw=inflating_to(100 * MIB), local=Header(size=100 * MIB), central=Header(size=100 * MIB))
    index = File()
    body = local_header(index) + index.data
    entries = [central_entry(index, 0)]
    for number in range(1000):
        seen = File(b"kernel" if named_alike else b"f%05d" % number, raw=kernel.raw, central=Header(size=100 * MIB))
        entries.append(central_entry(seen, len(body)))
    body += local_header(kernel) + kernel.data
    directory = b"".join(entries)
    began = time.process_time()
    refusal = refusal_of(body + directory + end_record(len(entries), len(directory), len(body)))
    assert type(refusal) is (errors.MembersOverlapError if named_alike else errors.HeaderMismatchError)
    assert time.process_time() - began < 1


def test_a_bomb_of_members_quoting_each_others_headers_is_refused_before_inflating() -> None:
    """Each member is a stored block that contains the header of the next member, so all members end in the same
    compressed kernel."""
    kernel = inflating_to(20 * MIB)
    parts, entries, at, tail = [], [], 0, kernel
    files: list[tuple[bytes, File]] = []
    for number in reversed(range(50)):
        file = File(b"f%03d" % number, raw=tail, local=Header(size=20 * MIB), central=Header(size=20 * MIB))
        header = local_header(file)
        files.append((header, file))
        tail = b"\0" + len(header).to_bytes(2, "little") + (len(header) ^ 0xFFFF).to_bytes(2, "little") + header + tail
    index = File()
    parts.append(local_header(index) + index.data)
    entries.append(central_entry(index, 0))
    at = len(parts[0])
    for position, (header, file) in enumerate(reversed(files)):
        entries.append(central_entry(file, at))
        parts.append(header if position == len(files) - 1 else header + b"\0" * 5)
        at += len(parts[-1])
    body = b"".join(parts) + kernel
    directory = b"".join(entries)
    refusal = refusal_of(body + directory + end_record(len(entries), len(directory), len(body)))
    assert type(refusal) is errors.MembersOverlapError


def test_compressed_data_without_output_is_read_only_to_a_limit() -> None:
    """The data is a million empty blocks. Compressed data of any length may inflate to nothing."""
    empty = b"\0\0\0\xff\xff" * 1_000_000 + b"\3\0"
    began = time.process_time()
    assert look(craft(File(), File(b"nothing.js", b"", raw=empty))).files["nothing.js"].size == 0
    assert time.process_time() - began < 2


def test_garbage_after_a_small_members_data_is_not_kept_in_memory_twice() -> None:
    raw = deflate(b"x") + bytes(16 * MIB)
    data = craft(File(), File(b"x.js", b"x", raw=raw))
    assert type(refusal_of(data)) is errors.DataDamagedError
    assert peak(lambda: refusal_of(data)) < 4 * MIB


def test_deep_folders_of_long_names_take_no_more_memory_than_their_names() -> None:
    letters = random.Random(4)
    names = ["/".join(letters.choices("abcdefghijklmnop", k=500)) for _ in range(2000)]
    data = craft(File(), *(File(name.encode(), b"") for name in names))
    assert peak(lambda: look(data)) < 40 * MIB


def test_names_that_are_too_long_are_refused_before_the_rest_is_read() -> None:
    files = [File(b"%05d" % number + b"n" * 60_000, b"") for number in range(300)]
    data = craft(File(), *files)
    assert type(refusal_of(data)) is errors.PathTooLongError
    assert peak(lambda: refusal_of(data)) < 2 * MIB


@pytest.mark.parametrize("threads", [1, 2])
def test_a_cancelled_inspection_stops_within_a_large_member(threads: int) -> None:
    size = 200 * MIB
    lie = Header(size=size)
    data = craft(File(), *(File(b"f%d" % n, raw=inflating_to(size), local=lie, central=lie) for n in range(2)))
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 5

    with pytest.raises(errors.InspectionStoppedError):
        inspect(memoryview(data), limits=Limits(), allow=Allowances(), threads=threads, should_stop=should_stop)
    assert asked < 20


def test_a_fault_among_many_files_is_reported(tmp_path: Path) -> None:
    lie = Header(crc=7)
    files = [File(b"f%03d.js" % number, b"x" * 9000) for number in range(400)]
    files[333] = File(b"f333.js", b"x", local=lie, central=lie)
    path = tmp_path / "one-fault.zip"
    path.write_bytes(craft(File(), *files))
    for threads in (1, 2, 4):
        with pytest.raises(errors.CrcMismatchError, match=r"f333\.js"):
            inspect_file(path, limits=Limits(), allow=Allowances(), threads=threads)


@pytest.mark.parametrize("pieces", [1, 300_000])
@pytest.mark.parametrize("fault", ["damaged", "cut", "size", "crc", "secret", "name"])
def test_a_fault_found_in_a_mapped_file_is_reported_as_it_is(tmp_path: Path, fault: str, pieces: int) -> None:
    """An error that refers to a piece of the map must not turn into another error when the file is closed."""
    page = b"<!doctype html><title>x</title>" * pieces
    lie = {"size": Header(size=len(page) - 1), "crc": Header(crc=5)}.get(fault, Header())
    raw = {"damaged": deflate(page)[:-2] + b"\xff\xff", "cut": deflate(page)[:-1]}.get(fault)
    name = b"key.pem" if fault == "secret" else b"page.html"
    content = page + b"-----BEGIN PRIVATE " + b"KEY-----" if fault == "secret" else page
    local = Header(name=b"other.html") if fault == "name" else lie
    path = tmp_path / "faulty.zip"
    path.write_bytes(craft(File(), File(name, content, raw=raw, local=local, central=lie)))
    with pytest.raises(BadRequestError) as refusal:
        inspect_file(path, limits=Limits(), allow=Allowances())
    assert refusal.value.details["member"] == name.decode()


def test_an_empty_file_is_no_zip(tmp_path: Path) -> None:
    path = tmp_path / "empty.zip"
    path.touch()
    with pytest.raises(errors.NotAZipError, match="it is empty"):
        inspect_file(path, limits=Limits(), allow=Allowances())


def test_of_several_faults_the_first_is_reported_however_many_threads_read(tmp_path: Path) -> None:
    lie = Header(crc=7)
    files = [File(b"f%03d.js" % number, b"x" * (9000 + number)) for number in range(400)]
    for number in (10, 200, 390):
        files[number] = File(b"f%03d.js" % number, b"x" * number, local=lie, central=lie)
    path = tmp_path / "faults.zip"
    path.write_bytes(craft(File(), *files))
    for threads in (1, 2, 4):
        with pytest.raises(errors.CrcMismatchError, match=r"f010\.js"):
            inspect_file(path, limits=Limits(), allow=Allowances(), threads=threads)


def test_files_come_in_the_order_of_the_zip_whichever_thread_read_them() -> None:
    sizes = [MIB + 1, 5, 3 * MIB, 0, *range(200), 2 * MIB]
    names = ["index.html", *(f"{number}.js" for number in range(len(sizes)))]
    data = craft(File(), *(File(f"{number}.js".encode(), b"x" * size) for number, size in enumerate(sizes)))
    for threads in (1, 2, 3):
        files = inspect(memoryview(data), limits=Limits(), allow=Allowances(), threads=threads).files
        assert list(files) == names
        assert [files[name].size for name in names[1:]] == sizes
