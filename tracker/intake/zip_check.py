"""Zip check: is a workbook's container harmless? Runs before any parser sees the file.

Every part is inflated here with a running count, because declared sizes can lie; the parts' bytes are
handed to a scan while they are at hand, so that nothing is inflated twice.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator

from tracker.intake.privacy_guard import safe_text
from tracker.intake.raw import Limits, Unreadable

_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_ENCRYPTED = 0x1
_RATIO_FLOOR = 1_000_000  # bytes; small parts may repeat themselves without being bombs
_DOCTYPE = re.compile(rb"<!D", re.I)
_DOCTYPE_UTF16 = re.compile("<!D".encode("utf-16-le") + b"|" + "<!D".encode("utf-16-be"))
_CHUNK = 1 << 24


def checked_parts(content: bytes, limits: Limits) -> Iterator[tuple[str, bytes]]:
    """Name and inflated bytes of each part of a zip, in order; the whole zip is checked once exhausted.

    Raises ``Unreadable``: FILE-006 encrypted, 007 macros, 008 external links, 009 damaged, 010 too many
    or too large parts, 011 unsafe names, 012 a DOCTYPE in any part.
    """
    entries = _entries(content)
    _check_names(entries, limits)
    left = limits.inflated
    for entry in entries:
        part = _inflate(content, entry, left, limits.ratio)
        left -= len(part)
        if (part[:2] in {b"\xff\xfe", b"\xfe\xff"} and _DOCTYPE_UTF16.search(part)) or _DOCTYPE.search(part):
            raise Unreadable("FILE-012")
        yield entry.filename, part


def _entries(content: bytes) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError) as error:
        raise Unreadable("FILE-009", found="innehållsförteckningen går inte att läsa") from error


def _check_names(entries: list[zipfile.ZipInfo], limits: Limits) -> None:
    if len(entries) > limits.entries:
        raise Unreadable("FILE-010", found=f"{len(entries)} delar", expected=f"{limits.entries} delar")
    declared = sum(entry.file_size for entry in entries)
    if declared > limits.inflated:
        raise _too_large(limits.inflated)
    names = [entry.filename for entry in entries]
    if len({name.lower() for name in names}) < len(names):
        raise Unreadable("FILE-009", found="samma del finns två gånger")
    for entry in entries:
        _check_name(entry)


def _check_name(entry: zipfile.ZipInfo) -> None:
    name = entry.orig_filename.replace("\\", "/")
    lower = name.lower()
    if name.startswith("/") or "\0" in name or ":" in name or ".." in name.split("/"):
        raise Unreadable("FILE-011")
    if entry.flag_bits & _ENCRYPTED:
        raise Unreadable("FILE-006")
    if lower.endswith("vbaproject.bin") or "/macrosheets/" in lower:
        raise Unreadable("FILE-007", found=safe_text(name.rsplit("/", 1)[-1])[:40])
    if "externallinks/" in lower:
        raise Unreadable("FILE-008", found="externalLinks")


def _inflate(content: bytes, entry: zipfile.ZipInfo, left: int, ratio: int) -> bytes:
    """The inflated part; stops as soon as it passes what is left, or its own share by the ratio."""
    data = _compressed(content, entry)
    by_ratio = max(_RATIO_FLOOR, ratio * len(data))
    if entry.compress_type == zipfile.ZIP_STORED:
        part = data
    elif entry.compress_type == zipfile.ZIP_DEFLATED:
        part = _inflate_up_to(data, min(left, by_ratio))
    else:
        raise Unreadable("FILE-009", found="okänd packningsmetod")
    if len(part) > left:
        raise _too_large(left)
    if len(part) > by_ratio:
        raise Unreadable("FILE-010", found=f"packad mer än {ratio} gånger", expected=f"{ratio} gånger")
    if len(part) != entry.file_size or zlib.crc32(part) != entry.CRC:
        raise Unreadable("FILE-009", found="en del har en annan storlek eller kontrollsumma än den uppger")
    return part


def _compressed(content: bytes, entry: zipfile.ZipInfo) -> bytes:
    """The packed bytes of an entry; the local header must name the same part as the directory."""
    start = entry.header_offset
    header = content[start : start + _LOCAL_HEADER.size]
    if len(header) < _LOCAL_HEADER.size or header[:4] != b"PK\x03\x04":
        raise Unreadable("FILE-009", found="en del saknas")
    *_, name_length, extra_length = _LOCAL_HEADER.unpack(header)
    start += _LOCAL_HEADER.size
    name = content[start : start + name_length]
    encoding = "utf-8" if entry.flag_bits & 0x800 else "cp437"
    if name.decode(encoding, "replace") != entry.orig_filename:
        raise Unreadable("FILE-009", found="en del heter olika på två ställen")
    start += name_length + extra_length
    data = content[start : start + entry.compress_size]
    if len(data) < entry.compress_size:
        raise Unreadable("FILE-009", found="slutet saknas")
    return data


def _inflate_up_to(data: bytes, most: int) -> bytes:
    """Inflated bytes, at most one more than ``most``."""
    inflater = zlib.decompressobj(-15)
    chunks, size = [], 0
    try:
        while data and not inflater.eof and size <= most:
            chunk = inflater.decompress(data, min(_CHUNK, most - size + 1))
            chunks.append(chunk)
            size += len(chunk)
            data = inflater.unconsumed_tail
    except zlib.error as error:
        raise Unreadable("FILE-009", found="en del går inte att packa upp") from error
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(limit: int) -> Unreadable:
    expected = f"{limit // 1_000_000} MB"
    return Unreadable("FILE-010", found=f"mer än {expected} uppackat", expected=expected)
