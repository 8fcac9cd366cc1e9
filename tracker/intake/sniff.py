"""Sniffing: what a file's bytes really are, whatever its name says."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import PurePath

from tracker.intake.raw import Unreadable

EXTENSIONS = (".xlsx", ".xls", ".csv", ".txt")
"""File name endings that are accepted."""


class Kind(StrEnum):
    """What can be read."""

    XLSX = "xlsx"
    XLS = "xls"
    TEXT = "text"


NAMES = {Kind.XLSX: "en Excel-arbetsbok (.xlsx)", Kind.XLS: "en äldre Excel-arbetsbok (.xls)"}

_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_TEXT_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_FOREIGN = (
    (b"%PDF-", "en PDF"),
    (b"\x1f\x8b", "en gzip-packad fil"),
    (b"Rar!", "ett RAR-arkiv"),
    (b"7z\xbc\xaf", "ett 7-Zip-arkiv"),
    (b"PAR1", "en Parquet-fil"),
    (b"\x89PNG", "en bild"),
    (b"\xff\xd8\xff", "en bild"),
    (b"{\\rtf", "ett RTF-dokument"),
)
_MARKUP = (
    (re.compile(rb"<(?:!doctype\s+html|html|table|meta|head)\b", re.I), "en webbsida (HTML)"),
    (re.compile(rb"urn:schemas-microsoft-com:office:spreadsheet", re.I), "ett XML-kalkylblad (Excel 2003)"),
    (re.compile(rb"\A\s*<\?xml", re.I), "ett XML-dokument"),
)


def extension(file_name: str) -> str:
    """Lower-case ending of a file name, with its dot; raises ``Unreadable`` (FILE-003) if not accepted."""
    ending = PurePath(file_name).suffix.lower()
    if ending not in EXTENSIONS:
        raise Unreadable("FILE-003", found=ending or "utan filtillägg")
    return ending


def sniff(content: bytes, file_name: str) -> Kind:
    """What ``content`` is; a workbook wins over a wrong ending, text never passes for a workbook.

    Raises ``Unreadable``: FILE-001 empty, FILE-003 ending, FILE-004 something else.
    """
    ending = extension(file_name)
    if not content:
        raise Unreadable("FILE-001")
    if content.startswith(b"PK"):
        return Kind.XLSX
    if content.startswith(_OLE):
        return Kind.XLS
    foreign = _foreign(content)
    if foreign:
        raise Unreadable("FILE-004", extension=ending, found=foreign)
    if ending in {".xlsx", ".xls"}:
        raise Unreadable("FILE-004", extension=ending, found=_text_or_not(content))
    return Kind.TEXT


def expected_kind(file_name: str) -> Kind:
    """What the ending of the name promises."""
    return {".xlsx": Kind.XLSX, ".xls": Kind.XLS}.get(extension(file_name), Kind.TEXT)


def _foreign(content: bytes) -> str:
    for start, name in _FOREIGN:
        if content.startswith(start):
            return name
    head = content[:4096].replace(b"\0", b"")
    if head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<"):
        return next((name for pattern, name in _MARKUP if pattern.search(head)), "")
    return ""


def _text_or_not(content: bytes) -> str:
    head = content[:65_536]
    if content.startswith(_TEXT_BOMS):
        return "text (.csv eller .txt)"
    control = sum(byte < 9 or 13 < byte < 32 for byte in head)
    return "text (.csv eller .txt)" if control == 0 else "något som inte är en arbetsbok"
