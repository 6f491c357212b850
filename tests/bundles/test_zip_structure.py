"""Zips with records that are false, overlap, point elsewhere or contradict each other, and unusual valid zips."""

from __future__ import annotations

import struct

import pytest

from easel.bundles import errors
from easel.errors import BadRequestError
from tests.bundles.crafted import (
    DESCRIPTOR,
    MAX16,
    MAX32,
    PAGE,
    STORED,
    UTF8,
    End,
    File,
    Header,
    central_entry,
    craft,
    craft64,
    deflate,
    end_record,
    end_record64,
    local_header,
    unicode_path_field,
    zip64_field,
)
from tests.bundles.looking import look, sha256

INDEX = File()
SECOND = File(b"second.js", b"let second = 2;\n" * 9)


def refused(data: bytes) -> BadRequestError:
    with pytest.raises(BadRequestError) as refusal:
        look(data)
    return refusal.value


def paths(data: bytes) -> set[str]:
    return set(look(data).files)


# The end record


@pytest.mark.parametrize("data", [b"", b"PK", b"\0" * 4096, b"just text, no zip" * 9, b"PK\1\2" + bytes(100)])
def test_the_error_for_bytes_that_are_no_zip_says_so(data: bytes) -> None:
    assert type(refused(data)) is errors.NotAZipError


def test_a_zip_cut_off_anywhere_is_called_truncated_from_its_first_header_on() -> None:
    whole = craft(INDEX, SECOND)
    for length in range(4, len(whole)):
        assert type(refused(whole[:length])) is errors.ZipTruncatedError, length


def test_a_zip_whose_beginning_is_missing_is_refused() -> None:
    whole = craft(INDEX, SECOND)
    for start in range(1, len(whole) - 22):
        assert refused(whole[start:]).status == 400


def test_a_zip_without_members_is_empty() -> None:
    assert type(refused(craft())) is errors.ZipEmptyError


def test_bytes_before_the_zip_are_refused_whether_or_not_the_offsets_were_adjusted() -> None:
    assert refused(craft(INDEX, prefix=b"#!/bin/sh\n")).details == {"size": 10}
    adjusted = File(b"index.html", PAGE)
    entry = central_entry(adjusted, 10)
    body = b"#!/bin/sh\n" + local_header(adjusted) + adjusted.data
    refusal = refused(body + entry + end_record(1, len(entry), len(body)))
    assert type(refusal) is errors.ZipHasPrefixError
    assert refusal.details == {"size": 10}


@pytest.mark.parametrize("mark", [b"PK00", b"PK\7\x08"])
def test_the_split_archive_marker_of_a_complete_zip_is_accepted(mark: bytes) -> None:
    file = File(b"index.html", PAGE)
    entry = central_entry(file, 4)
    body = mark + local_header(file) + file.data
    assert set(look(body + entry + end_record(1, len(entry), len(body))).files) == {"index.html"}


def test_bytes_after_the_zip_are_refused() -> None:
    for suffix in (b"\1" * 5, b"\0\0\0\0\1"):
        refusal = refused(craft(INDEX, suffix=suffix))
        assert type(refusal) is errors.ZipHasSuffixError
        assert refusal.details == {"size": 5}


@pytest.mark.parametrize("size", [1, 21, 22, 23, 2466, 65_535, 65_558, 200_000])
@pytest.mark.parametrize("comment", [b"", b"made by hand", b"ends with a zero\0"])
def test_zeros_after_the_zip_are_what_tools_fill_their_last_block_with(size: int, comment: bytes) -> None:
    assert paths(craft(INDEX, comment=comment, suffix=b"\0" * size)) == {"index.html"}


def test_two_zips_one_after_the_other_are_refused() -> None:
    assert refused(craft(INDEX) + craft(SECOND)).status == 400


@pytest.mark.parametrize("comment", [b"made by hand", b"x" * MAX16, b"PK\5\6" * 7])
def test_a_trailing_comment_is_fine(comment: bytes) -> None:
    assert paths(craft(INDEX, comment=comment)) == {"index.html"}


def test_a_comment_that_is_itself_an_end_record_cannot_show_another_zip() -> None:
    hidden = end_record(1, 0, 0)
    assert refused(craft(INDEX, comment=hidden)).status == 400


@pytest.mark.parametrize("lies", [End(disk=1), End(first_disk=1), End(here=0), End(here=2), End(disk=MAX16)])
def test_parts_of_a_split_zip_are_refused(lies: End) -> None:
    assert type(refused(craft(INDEX, end=lies))) is errors.MultiDiskError


def test_a_member_on_another_disk_is_refused() -> None:
    assert type(refused(craft(File(central=Header(disk=3))))) is errors.MultiDiskError


@pytest.mark.parametrize("count", [0, 1, 3, MAX16])
def test_a_wrong_number_of_entries_is_refused(count: int) -> None:
    refusal = refused(craft(INDEX, SECOND, end=End(here=count, count=count)))
    assert type(refusal) is (errors.ZipEmptyError if count == 0 else errors.ZipMalformedError)


def test_a_directory_of_another_size_or_elsewhere_is_refused() -> None:
    whole = craft(INDEX, SECOND)
    size, start = struct.unpack_from("<LL", whole, len(whole) - 10)
    for lies in (
        End(size=size - 1), End(size=size + 1), End(start=start + 1), End(start=start - 1), End(size=0),
        End(start=0), End(start=0, size=start + size), End(start=start + 1, size=size - 1), End(start=MAX32 - 1),
        End(size=MAX32 - 1),
    ):  # fmt: skip
        assert type(refused(craft(INDEX, SECOND, end=lies))) in (
            errors.ZipMalformedError,
            errors.ZipTruncatedError,
            errors.ZipHasPrefixError,
        ), lies


def test_an_invalid_entry_or_one_that_exceeds_the_directory_is_refused() -> None:
    assert type(refused(craft(File(central=Header(signature=b"PK\1\1"))))) is errors.ZipMalformedError
    whole = bytearray(craft(INDEX))
    for field, width in ((28, 2), (30, 2), (32, 2)):
        torn = whole.copy()
        at = whole.index(b"PK\1\2") + field
        torn[at : at + width] = b"\xff\x01"
        assert type(refused(bytes(torn))) is errors.ZipMalformedError


def test_a_gap_before_the_directory_is_fine() -> None:
    assert paths(craft(INDEX, gap=b"APK Sig Block 42")) == {"index.html"}


# Zip64


def test_the_zip64_end_record_is_used_where_the_plain_end_record_requires_it() -> None:
    assert paths(craft64(INDEX, SECOND)) == {"index.html", "second.js"}
    assert paths(craft64(INDEX, lies=End(count=1, here=1))) == {"index.html"}


def test_end_records_that_contradict_each_other_are_refused() -> None:
    assert type(refused(craft64(INDEX, SECOND, lies=End(count=1, here=1)))) is errors.ZipMalformedError
    assert type(refused(craft64(INDEX, SECOND, lies=End(start=4)))) is errors.ZipMalformedError


@pytest.mark.parametrize("position", [0, 7, 1 << 40, (1 << 64) - 1])
def test_a_zip64_end_record_that_is_elsewhere_is_refused(position: int) -> None:
    assert type(refused(craft64(INDEX, position=position))) in (errors.ZipMalformedError, errors.ZipHasPrefixError)


def test_a_zip64_split_over_disks_is_refused() -> None:
    assert type(refused(craft64(INDEX, disks=2))) is errors.MultiDiskError


def test_a_zip64_end_record_with_huge_figures_is_refused() -> None:
    huge = (1 << 64) - 1
    for count, size, start in ((huge, 10, 10), (1, huge, 0), (1, 1, huge), (1 << 40, 0, 0)):
        data = b"PK\3\4" + bytes(60)
        data += end_record64(count, size, start, position=64) + end_record(MAX16, MAX32, MAX32)
        assert refused(data).status == 400


def test_only_the_first_extra_fields_of_a_member_are_read() -> None:
    empty = b"zz\0\0"
    found = {}
    for many in (10, 16_000):
        extra = many * empty + unicode_path_field(b"a.js", "b.js")
        found[many] = paths(craft(INDEX, File(b"a.js", central=Header(extra=extra))))
    assert found == {10: {"index.html", "b.js"}, 16_000: {"index.html", "a.js"}}


def test_zip64_sizes_and_offsets_are_read_from_the_extra_field() -> None:
    length, size = len(INDEX.data), len(PAGE)
    wide = Header(size=MAX32, length=MAX32, header=MAX32)
    file = File(
        local=Header(size=MAX32, length=MAX32, extra=zip64_field(size, length)),
        central=wide | Header(extra=zip64_field(size, length, 0)),
    )
    assert look(craft(file)).files["index.html"].size == size
    only_size = File(
        local=Header(size=MAX32, length=MAX32, extra=zip64_field(size, length)),
        central=Header(size=MAX32, extra=b"UT\1\0x" + zip64_field(size)),
    )
    assert look(craft(only_size)).files["index.html"].hash == sha256(PAGE)


@pytest.mark.parametrize("values", [(), (1 << 62, 1 << 62), ((1 << 64) - 1,) * 3])
def test_zip64_fields_that_lie_are_refused(values: tuple[int, ...]) -> None:
    file = File(central=Header(size=MAX32, length=MAX32, header=MAX32, extra=zip64_field(*values)))
    assert refused(craft(file)).status == 400


def test_exactly_65535_entries_need_no_zip64() -> None:
    empty = deflate(b"")
    files = [INDEX, *(File(b"f%d.css" % number, b"", raw=empty) for number in range(MAX16 - 1))]
    assert len(look(craft(*files)).files) == MAX16


@pytest.mark.parametrize("number", [MAX16 + 1, MAX16 + 3])
def test_more_entries_than_the_end_record_can_count_need_no_zip64(number: int) -> None:
    # So JSZip 3.10 and fflate 0.8 write them.
    files = [INDEX, *(File(b"f%d.css" % at, b"", raw=deflate(b"")) for at in range(number - 1))]
    zipped = craft(*files, end=End(count=number & MAX16, here=number & MAX16))
    assert len(look(zipped).files) == number
    assert refused(craft(*files, end=End(count=7, here=7))).code == "zip_malformed"


# Local headers against the directory


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        (Header(signature=b"PK\3\5"), "no local header"),
        (Header(name=b"innocent.html"), "another name"),
        (Header(name=b"Index.html"), "another name"),
        (Header(method=STORED), "another compression method"),
        (Header(flags=1), "encrypted"),
        (Header(crc=1), "another checksum"),
        (Header(length=1), "another length"),
        (Header(size=1), "another size"),
        (Header(size=0, length=0, crc=0), "another checksum"),
        (Header(size=MAX32, length=MAX32), "another length"),
        (Header(size=MAX32, length=MAX32, extra=zip64_field(5, 5)), "another length"),
    ],
)
def test_a_local_header_that_contradicts_the_directory_is_refused(lie: Header, reason: str) -> None:
    refusal = refused(craft(File(local=lie)))
    assert type(refusal) is errors.HeaderMismatchError
    assert "`index.html`" in str(refusal)
    assert reason in str(refusal)


@pytest.mark.parametrize("lie", [Header(size=1), Header(length=1), Header(crc=1)])
def test_a_wrong_local_header_is_refused_despite_a_data_descriptor(lie: Header) -> None:
    told = Header(crc=0, size=0, length=0) | lie
    assert type(refused(craft(File(flags=DESCRIPTOR, local=told)))) is errors.HeaderMismatchError


@pytest.mark.parametrize("signature", [b"PK\7\x08", b""])
@pytest.mark.parametrize("width", ["L", "Q"])
@pytest.mark.parametrize("method", [STORED, 8])
@pytest.mark.parametrize("unknown", [0, MAX32])
def test_data_descriptors_of_every_shape_are_fine(signature: bytes, width: str, method: int, unknown: int) -> None:
    file = File(flags=DESCRIPTOR, method=method, local=Header(crc=0, size=unknown, length=unknown))
    crc = central_entry(file, 0)[16:20]
    file.after = signature + crc + struct.pack(f"<2{width}", len(file.data), len(PAGE))
    assert look(craft(file, SECOND)).files["index.html"].hash == sha256(PAGE)


def test_a_descriptor_flag_in_only_one_of_both_headers_is_fine() -> None:
    assert paths(craft(File(central=Header(flags=DESCRIPTOR)))) == {"index.html"}
    assert paths(craft(File(local=Header(flags=DESCRIPTOR)))) == {"index.html"}


def test_a_stored_member_of_two_lengths_is_refused() -> None:
    file = File(method=STORED, raw=PAGE + b"more")
    assert type(refused(craft(file))) is errors.HeaderMismatchError


def test_a_folder_with_content_is_refused() -> None:
    assert type(refused(craft(INDEX, File(b"folder/", b"surprise")))) is errors.HeaderMismatchError


def test_folders_never_count_as_files_whatever_their_attributes_say() -> None:
    folders = (
        File(b"a/", b"", method=STORED),
        File(b"b\\", b"", method=STORED),
        File(b"c", b"", attributes=0o040755 << 16, method=STORED),
        File(b"d/", b""),
    )
    assert paths(craft(INDEX, *folders)) == {"index.html"}


def test_a_folders_name_is_checked_like_a_files() -> None:
    assert type(refused(craft(INDEX, File(b"../up/", b"")))) is errors.PathTraversalError


def test_the_members_of_litter_are_checked_like_all_others() -> None:
    assert type(refused(craft(INDEX, File(b"__MACOSX/../../x", b"")))) is errors.PathTraversalError
    link = File(b"__MACOSX/link", b"x", attributes=0o120777 << 16)
    assert type(refused(craft(INDEX, link))) is errors.SymlinkError


# The positions of members in the zip


def test_two_entries_for_the_same_bytes_are_refused() -> None:
    body = local_header(INDEX) + INDEX.data
    directory = central_entry(INDEX, 0) * 2
    assert type(refused(body + directory + end_record(2, len(directory), len(body)))) is errors.MembersOverlapError


def test_a_member_inside_another_is_refused() -> None:
    inner = local_header(SECOND) + SECOND.data
    outer = File(b"outer.bin", inner, method=STORED)
    start = len(local_header(INDEX) + INDEX.data)
    body = local_header(INDEX) + INDEX.data + local_header(outer) + outer.data
    directory = (
        central_entry(INDEX, 0) + central_entry(outer, start) + central_entry(SECOND, start + len(local_header(outer)))
    )
    refusal = refused(body + directory + end_record(3, len(directory), len(body)))
    assert type(refusal) is errors.MembersOverlapError
    assert refusal.details == {"member": "second.js", "other": "outer.bin"}


@pytest.mark.parametrize("header", [1 << 20, MAX32 - 1, MAX32])
def test_a_member_outside_the_zip_is_refused(header: int) -> None:
    refusal = refused(craft(INDEX, File(b"far.js", central=Header(header=header))))
    assert type(refusal) is errors.MemberOutOfBoundsError
    assert refusal.details == {"member": "far.js"}


def test_a_member_that_reaches_into_the_directory_is_refused() -> None:
    longer = Header(length=len(INDEX.data) + 1)
    assert type(refused(craft(File(local=longer, central=longer)))) is errors.MemberOutOfBoundsError
    stretched = bytearray(craft(INDEX))
    stretched[28:30] = b"\xff\xff"  # the local header's extra field
    assert type(refused(bytes(stretched))) is errors.MemberOutOfBoundsError


# Content that contradicts its record


@pytest.mark.parametrize("pieces", [1, 300_000])
@pytest.mark.parametrize("by", [-1, 1])
def test_content_of_another_size_is_refused(by: int, pieces: int) -> None:
    page = PAGE * pieces
    lie = Header(size=len(page) + by)
    refusal = refused(craft(File(content=page, local=lie, central=lie)))
    assert type(refusal) is errors.SizeMismatchError
    assert refusal.details == {"member": "index.html"}


@pytest.mark.parametrize("pieces", [1, 300_000])
@pytest.mark.parametrize("method", [STORED, 8])
def test_content_of_another_checksum_is_refused(method: int, pieces: int) -> None:
    lie = Header(crc=0xDEADBEEF)
    file = File(content=PAGE * pieces, method=method, local=lie, central=lie)
    assert type(refused(craft(file))) is errors.CrcMismatchError


@pytest.mark.parametrize("pieces", [1, 300_000])
@pytest.mark.parametrize("damage", ["cut", "more", "noise", "nothing", "block"])
def test_compressed_data_that_is_damaged_is_refused(damage: str, pieces: int) -> None:
    page = PAGE * pieces
    whole = deflate(page)
    raw = {
        "cut": whole[:-1], "more": whole + b"\0", "noise": b"\xff" * len(whole), "nothing": b"",
        "block": b"\x07" + whole[1:],
    }[damage]  # fmt: skip
    refusal = refused(craft(File(content=page, raw=raw)))
    assert type(refusal) is errors.DataDamagedError
    assert refusal.details == {"member": "index.html"}


# Kinds of members


@pytest.mark.parametrize("flags", [1, 1 << 6, 1 << 13])
def test_encryption_of_every_kind_is_refused(flags: int) -> None:
    assert type(refused(craft(File(flags=flags)))) is errors.EncryptedError


@pytest.mark.parametrize(
    ("method", "name"),
    [
        (1, "Shrink"),
        (6, "Implode"),
        (9, "Deflate64"),
        (12, "bzip2"),
        (14, "LZMA"),
        (95, "xz"),
        (98, "PPMd"),
        (0xFFFF, "an unknown method"),
    ],
)
def test_other_methods_are_refused_by_name(method: int, name: str) -> None:
    refusal = refused(craft(File(method=method)))
    assert type(refusal) is errors.MethodUnsupportedError
    assert refusal.details["member"] == "index.html"
    assert refusal.details["method"] == method
    assert f"{name} (method {method})" in str(refusal)
    assert "-mm=Deflate" in str(refusal)


@pytest.mark.parametrize("system", [0, 3, 10, 19])
@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        (0o120777, errors.SymlinkError),
        (0o020666, errors.DeviceError),
        (0o060660, errors.DeviceError),
        (0o010644, errors.DeviceError),
        (0o140755, errors.DeviceError),
    ],
)
def test_links_and_devices_are_refused_from_every_system(system: int, mode: int, kind: type[BadRequestError]) -> None:
    file = File(b"odd", b"index.html", attributes=mode << 16, central=Header(made_by=system << 8 | 20))
    assert type(refused(craft(INDEX, file))) is kind


@pytest.mark.parametrize("system", [0, 2, 3, 7, 10, 11, 13, 19])
@pytest.mark.parametrize("attributes", [0, 0x20, 0o644 << 16, 0o100644 << 16])
def test_the_attributes_of_any_system_are_fine(system: int, attributes: int) -> None:
    assert paths(craft(File(attributes=attributes, central=Header(made_by=system << 8 | 20)))) == {"index.html"}


# Spelling of names


def test_names_are_utf8_by_flag_else_utf8_if_valid_else_cp437() -> None:
    files = (
        INDEX,
        File("gr\u00fcn.css".encode(), flags=UTF8),
        File("\u96ea.css".encode()),
        File("\u00c4rger.css".encode("cp437")),
        File("e\u0301.css".encode()),
    )
    assert paths(craft(*files)) == {"index.html", "gr\u00fcn.css", "\u96ea.css", "\u00c4rger.css", "\u00e9.css"}


def test_a_name_that_says_it_is_utf8_and_is_not_is_refused() -> None:
    refusal = refused(craft(INDEX, File(b"gr\xfcn.css", flags=UTF8)))
    assert type(refusal) is errors.PathEncodingError
    assert refusal.details == {"member": "gr\\xfcn.css"}


def test_the_unicode_path_field_wins_while_it_fits_the_name() -> None:
    raw = b"snow?.css"
    for extra, expected in (
        (unicode_path_field(raw, "snow\u2603.css"), "snow\u2603.css"),
        (unicode_path_field(raw, "other.css", crc=5), "snow?.css"),
        (unicode_path_field(raw, "other.css", version=2), "snow?.css"),
        (b"up\x01\x00\x01", "snow?.css"),
        (b"xx\x02\x00up" + unicode_path_field(raw, "after.css"), "after.css"),
    ):
        assert paths(craft(INDEX, File(raw, central=Header(extra=extra)))) == {"index.html", expected}


def test_the_same_rules_apply_to_the_unicode_path_field() -> None:
    extra = unicode_path_field(b"fine.css", "../not-fine.css")
    assert type(refused(craft(INDEX, File(b"fine.css", central=Header(extra=extra))))) is errors.PathTraversalError


@pytest.mark.parametrize("extra", [b"\1", b"\1\0\xff", b"\1\0\xff\xff", b"up\xff\xff", b"\0" * 40])
def test_extra_fields_that_are_torn_are_ignored(extra: bytes) -> None:
    assert paths(craft(File(extra=extra))) == {"index.html"}


@pytest.mark.parametrize("name", [b"", b".", b"././.", b".\\."])
def test_members_without_a_name_are_refused(name: bytes) -> None:
    assert type(refused(craft(INDEX, File(name)))) is errors.PathEmptyError


@pytest.mark.parametrize("name", [b"/", b"\\", b"\\.\\", b"//", b"./", b".", b""])
def test_an_empty_member_that_names_the_root_itself_is_left_out(name: bytes) -> None:
    assert paths(craft(File(name, b""), INDEX)) == {"index.html"}


@pytest.mark.parametrize("name", [b"/x", b"/..", b"\\x\\"])
def test_absolute_paths_are_refused(name: bytes) -> None:
    assert type(refused(craft(INDEX, File(name, b"")))) is errors.PathAbsoluteError


def test_a_name_of_1024_bytes_is_accepted_and_a_longer_name_is_refused() -> None:
    longest = b"n" * 1021 + b".js"
    assert longest.decode() in paths(craft(INDEX, File(longest)))
    assert type(refused(craft(INDEX, File(longest + b"x")))) is errors.PathTooLongError
