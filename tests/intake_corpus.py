"""Files for intake tests: ordinary, messy and hostile deliveries, all synthetic and built in memory."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import openpyxl
import xlsxwriter
import xlwt

HEADERS = [
    "Personnummer",
    "Inkom datum",
    "Kön",
    "Ålder",
    "Aktualiseringstyp",
    "Aktualiseringsorsak",
    "Åtgärd",
]
"""Headers of a small delivery of referrals."""

Row = Sequence[Any]


def referral_rows(count: int) -> list[list[Any]]:
    """Synthetic referrals with numbers of the tax agency's test series (serials 980–999)."""
    types = ["Anmälan barn 0-12 år", "Ansökan", "B anmälan"]
    return [
        [
            f"20150{1 + n % 9}{1 + n % 28:02d}-98{n % 20:02d}",
            date(2023, 1 + n % 12, 1 + n % 28),
            ("Flicka", "Pojke")[n % 2],
            n % 18,
            types[n % 3],
            f"Orsak {n % 7}",
            ("Utredning inleds", None)[n % 4 == 3],
        ]
        for n in range(count)
    ]


def xlsx(rows: Iterable[Row], sheet: str = "Data") -> bytes:
    """A workbook as Excel would save it, dates as dates."""
    return xlsx_sheets({sheet: list(rows)})


def xlsx_sheets(sheets: Mapping[str, Sequence[Row]]) -> bytes:
    """A workbook of several sheets."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True, "default_date_format": "yyyy-mm-dd"}) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for index, row in enumerate(rows):
                sheet.write_row(index, 0, row)
    return target.getvalue()


def delivery(count: int = 5, before: Sequence[Row] = (), after: Sequence[Row] = ()) -> bytes:
    """An xlsx delivery of referrals, with rows above the headers and below the data."""
    return xlsx([*before, HEADERS, *referral_rows(count), *after])


def xls(rows: Iterable[Row], sheet: str = "Blad1") -> bytes:
    """An old Excel workbook."""
    book = xlwt.Workbook()
    target_sheet = book.add_sheet(sheet)
    style = xlwt.easyxf(num_format_str="YYYY-MM-DD")
    for index, row in enumerate(rows):
        for column, cell in enumerate(row):
            if isinstance(cell, date):
                target_sheet.write(index, column, datetime(cell.year, cell.month, cell.day), style)
            else:
                target_sheet.write(index, column, cell)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def text(rows: Iterable[Row], delimiter: str = ";", encoding: str = "utf-8", end: str = "\r\n") -> bytes:
    """Delimited text without quoting."""
    lines = (delimiter.join("" if cell is None else str(cell) for cell in row) for row in rows)
    return (end.join(lines) + end).encode(encoding)


def text_delivery(count: int = 5, **how: Any) -> bytes:
    """A text delivery of referrals."""
    return text([HEADERS, *referral_rows(count)], **how)


def with_parts(workbook: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    """The workbook with its zip parts changed."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    return zipped(parts)


def zipped(parts: Mapping[str, bytes]) -> bytes:
    """A zip of these parts."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return target.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def with_sheet(workbook: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The workbook with its first sheet's XML changed."""

    def apply(parts: dict[str, bytes]) -> None:
        parts[SHEET] = change(parts[SHEET])

    return with_parts(workbook, apply)


def far_cell(quote: bytes = b'"') -> bytes:
    """A few kilobytes whose two filled cells, A1 and XFD1048576, span the largest sheet there is."""

    def change(part: bytes) -> bytes:
        far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
        return part.replace(b"</sheetData>", far.replace(b'"', quote))

    return with_sheet(xlsx([["A"]]), change)


def zip_bomb(size: int = 300_000_000) -> bytes:
    """A sheet of blanks that inflates about a thousandfold."""
    filling = b" " * size
    return with_sheet(xlsx([["A"]]), lambda part: part.replace(b"<sheetData", filling + b"<sheetData"))


def lying_size() -> bytes:
    """A workbook whose directory declares a part much smaller than it is."""
    content = bytearray(delivery())
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        true_size = archive.getinfo(SHEET).file_size
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = -1
        while (at := content.find(signature, at + 1)) >= 0:
            if struct.unpack_from("<I", content, at + offset)[0] == true_size:
                struct.pack_into("<I", content, at + offset, 10)
    return bytes(content)


def billion_laughs() -> bytes:
    """Nested entities in a sheet's XML."""
    entities = b"".join(
        b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10 if n else b"lol") for n in range(10)
    )

    def change(part: bytes) -> bytes:
        head, rest = part.split(b"?>", 1)
        return (
            head
            + b"?><!DOCTYPE lolz ["
            + entities
            + b"]>"
            + rest.replace(b"</sheetData>", b"&l9;</sheetData>")
        )

    return with_sheet(xlsx([["A"]]), change)


def with_macro() -> bytes:
    """A workbook with a macro project."""
    return with_parts(delivery(), lambda parts: parts.update({"xl/vbaProject.bin": b"macro"}))


def with_external_link() -> bytes:
    """A workbook that refers to another."""
    return with_parts(delivery(), lambda parts: parts.update({"xl/externalLinks/externalLink1.xml": b"<x/>"}))


def climbing_name(name: str = "../x") -> bytes:
    """A zip with a part that would be unpacked outside its folder."""
    return with_parts(delivery(), lambda parts: parts.update({name: b"x"}))


def encrypted_zip() -> bytes:
    """A zip whose parts are flagged as encrypted."""
    content = bytearray(delivery())
    for signature, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = -1
        while (at := content.find(signature, at + 1)) >= 0:
            content[at + offset] |= 1
    return bytes(content)


def encrypted_office() -> bytes:
    """The outside of a password-protected workbook: an OLE container with an EncryptedPackage."""
    return (
        bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504) + "EncryptedPackage".encode("utf-16-le") + bytes(2_000)
    )


def macro_xls() -> bytes:
    """An old workbook with a macro storage."""
    return xls([HEADERS]) + "_VBA_PROJECT".encode("utf-16-le")


def uncalculated(formula_in: str = "B3") -> bytes:
    """A workbook no spreadsheet program has calculated: formulas without values."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in [HEADERS, *referral_rows(4)]:
        sheet.append(row)
    sheet[formula_in] = "=TODAY()"
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()
