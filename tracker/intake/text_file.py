"""Text files: csv and txt bytes become a raw table, with broken lines named instead of guessed."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence

from tracker.intake.raw import Hints, Limits, Problem, RawTable, Unreadable

_DELIMITERS = (";", ",", "\t")
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_DOUBLE = re.compile("Ã[¤¥¶…„–\x84\x85\x96]")
_SWEDISH = re.compile("[åäöÅÄÖé]")
_OLD_CODE_PAGE = re.compile("[A-Za-z][†„”Žš™ŒŠ][a-z]")  # å ä ö of CP850 and Mac Roman read as Windows-1252
_SEPARATOR_HINT = re.compile(r"\A\"?sep=(.)\"?\r?\n", re.I)
_LINE_END = re.compile("\r\n|\r|\n")
_LONGEST_RECORD = 20  # lines; a quoted text over more lines than this is an unclosed quote

Row = list[str]


def read_text(content: bytes, limits: Limits, hints: Hints) -> tuple[list[RawTable], list[Problem]]:
    """The table of a delimited text file; row numbers are line numbers. Raises ``Unreadable``.

    FILE-020 unknown encoding, FILE-022 doubly encoded. Lines with NUL bytes, unclosed quotes, too many
    cells or too many characters are kept as broken rows (FILE-025 … 028).
    """
    text = decode(content, hints)
    problems = _damaged_characters(text)
    skipped = 0
    hint = _SEPARATOR_HINT.match(text)
    if hint:
        text, skipped = text[hint.end() :], 1
    text, broken_lines = _without_bad_lines(text, limits)
    delimiter = hint[1] if hint else sniff_delimiter(text, hints)
    rows, lines, unclosed = _records(text, delimiter)
    numbers = [line + skipped for line in lines] if skipped or isinstance(lines, list) else lines
    broken = dict.fromkeys(unclosed, "FILE-026")
    broken.update({index: broken_lines[line] for index, line in enumerate(lines) if line in broken_lines})
    return [_table(rows, numbers, broken)], problems


def decode(content: bytes, hints: Hints) -> str:
    """Text of a file: by its byte order mark, else UTF-8, else the system's or Windows-1252."""
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            return _decode_as(content, encoding)
    if content.count(0) * 5 > len(content):
        raise Unreadable("FILE-020", found="UTF-16 utan inledande märke, eller ingen textfil")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        text = _decode_as(content, hints.encoding or "cp1252")
    if not hints.encoding and len(_OLD_CODE_PAGE.findall(text)) > len(_SWEDISH.findall(text)):
        raise Unreadable("FILE-020", found="ser ut som CP850 (DOS) eller Mac Roman")
    return text


def _decode_as(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise Unreadable("FILE-020", found=f"inte giltig {encoding}") from error


def _damaged_characters(text: str) -> list[Problem]:
    problems = []
    double = _DOUBLE.search(text)
    if double:
        lines = [number for number, line in enumerate(text.split("\n"), 1) if _DOUBLE.search(line)]
        if lines[0] <= _LONGEST_RECORD or len(lines) * 100 > text.count("\n"):
            raise Unreadable("FILE-022", found=double[0])
        problems.append(Problem("FILE-023", row=lines[0], count=len(lines)))
    if "\ufffd" in text:
        lines = [number for number, line in enumerate(text.split("\n"), 1) if "\ufffd" in line]
        problems.append(Problem("FILE-024", row=lines[0], count=len(lines)))
    return problems


def _without_bad_lines(text: str, limits: Limits) -> tuple[str, dict[int, str]]:
    """The text with NUL and over-long lines emptied to a mark, and their line numbers with the rule."""
    lines = text.split("\n")
    bad = {}
    if "\0" in text:
        bad.update({number: "FILE-025" for number, line in enumerate(lines, 1) if "\0" in line})
    if max(map(len, lines)) > limits.line_length:
        long = (number for number, line in enumerate(lines, 1) if len(line) > limits.line_length)
        bad.update(dict.fromkeys(long, "FILE-027"))
    if not bad:
        return text, bad
    for number in bad:
        lines[number - 1] = "?"  # keeps the row and its number; its cells are not trusted
    return "\n".join(lines), bad


def sniff_delimiter(text: str, hints: Hints) -> str:
    """The delimiter that cuts the first lines into most, and most evenly many, cells."""
    head = text[:20_000].splitlines()[:40]
    order = sorted(_DELIMITERS, key=lambda delimiter: delimiter != hints.delimiter)
    return max(order, key=lambda delimiter: _evenness(head, delimiter))


def _evenness(lines: Sequence[str], delimiter: str) -> float:
    try:
        widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter) if row)
    except csv.Error:
        return 0.0
    width, rows = max(widths.items(), key=lambda item: (item[1] * (item[0] > 1), item[0]), default=(1, 0))
    return (rows / max(sum(widths.values()), 1)) * (width > 1) + width / 10_000


def _records(text: str, delimiter: str) -> tuple[list[Row], Sequence[int], list[int]]:
    """Rows, the line each starts on, and the indexes of rows with an unclosed quote."""
    csv.field_size_limit(1 << 24)
    if '"' not in text:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=csv.QUOTE_NONE))
        return rows, range(1, len(rows) + 1), []
    rows, lines, last = [], [], 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            rows.append(row)
            lines.append(last + 1)
            if reader.line_num - last > _LONGEST_RECORD:
                return _records_line_by_line(text, delimiter)
            last = reader.line_num
    except csv.Error:
        return _records_line_by_line(text, delimiter)
    return rows, lines, []


def _records_line_by_line(text: str, delimiter: str) -> tuple[list[Row], list[int], list[int]]:
    """As ``_records``, trusting no quote beyond its line unless the lines together make a whole row."""
    lines = _LINE_END.split(text)
    width = Counter(line.count(delimiter) + 1 for line in lines).most_common(1)[0][0]
    rows: list[Row] = []
    starts: list[int] = []
    unclosed: list[int] = []
    at = 0
    while at < len(lines):
        row, used = _one_record(lines[at : at + _LONGEST_RECORD], delimiter, width)
        if row is None:
            unclosed.append(len(rows))
        rows.append(row if row is not None else ["?"])
        starts.append(at + 1)
        at += used
    return rows, starts, unclosed


def _one_record(lines: Sequence[str], delimiter: str, width: int) -> tuple[Row | None, int]:
    quotes = 0
    for used, line in enumerate(lines, 1):
        quotes += line.count('"')
        if quotes % 2 == 0:
            row = _strict(lines[:used], delimiter)
            return (row, used) if row is not None and (used == 1 or len(row) == width) else (None, 1)
    return None, 1


def _strict(lines: Sequence[str], delimiter: str) -> Row | None:
    try:
        rows = list(csv.reader([line + "\n" for line in lines], delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return (rows[0] if rows else []) if len(rows) <= 1 else None


def _table(rows: list[Row], numbers: Sequence[int], broken: dict[int, str]) -> RawTable:
    widths = Counter(map(len, rows))
    if len(widths) <= 1:
        return RawTable("", tuple(zip(*rows, strict=True)), numbers, broken)
    width = max(((count, size) for size, count in widths.items() if size > 1), default=(1, 1))[1]
    for index, row in enumerate(rows):
        if len(row) > width and any(cell.strip() for cell in row[width:]):
            broken.setdefault(index, "FILE-028")
    short = [index for index, row in enumerate(rows) if 1 < len(row) < width]
    return RawTable(
        "", tuple(zip(*(_padded(row, width) for row in rows), strict=True)), numbers, broken, short
    )


def _padded(row: Row, width: int) -> Row:
    missing = width - len(row)
    return row + [""] * missing if missing > 0 else row[:width]
