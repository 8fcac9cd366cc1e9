"""Set aside: rows of a table that are no data rows: sums, footers, repeated headers, broken lines.

They are counted and named, never dropped: every row read ends up somewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from tracker.domain.delivery import Cell, Column
from tracker.domain.findings import Finding
from tracker.intake.file_rules import finding

SUM_ROW, FOOTER_ROW, HEADER_ROW = "sum_row", "footer_row", "header_row"
"""Names of the rules by which a whole row is set aside."""

_RULES = {SUM_ROW: "FILE-042", FOOTER_ROW: "FILE-043", HEADER_ROW: "FILE-044"}
_SUM = re.compile(r"\s*(?:del|slut|total)?(?:summa|summor)\b|\s*(?:totalt?|grand total|sum)\s*:?\s*\Z", re.I)
_SUM_INITIALS = frozenset("sStTdDgG \t\xa0")
_SUM_START = re.compile(r"\s*(?:totalt?|antal)\b", re.I)
_NUMBER = re.compile(r"\s*\d[\d\s ]*(?:[.,]\d+)?\s*\Z")
_WORDS = re.compile(r"[^\W\d_]{4,}.*\s|\s.*[^\W\d_]{4,}")  # a phrase; a lone id is a row of its own
_SHOWN = 20


def find_set_aside(
    columns: Mapping[str, Column], everything: Sequence[Sequence[Cell]], key: str
) -> dict[int, str]:
    """Row index → rule for rows that are not data.

    ``columns`` are the recognised ones, ``everything`` all cells of the table, ``key`` the field that
    decides the period: a row with a day of its own is only a sum row when it says so in words.
    """
    aside = dict.fromkeys(_said_to_be_sums(columns), SUM_ROW)
    aside.update(dict.fromkeys(_repeated_headers(columns), HEADER_ROW))
    aside.update(_trailing(everything, columns[key].cells, aside))
    return aside


def _said_to_be_sums(columns: Mapping[str, Column]) -> Iterator[int]:
    for name, column in columns.items():
        if name == "note":
            continue
        texts = [cell for cell in set(column.cells) if isinstance(cell, str) and cell[0] in _SUM_INITIALS]
        words = {text for text in texts if _SUM.match(text)}
        if words:
            yield from (index for index, cell in enumerate(column.cells) if cell in words)


def _repeated_headers(columns: Mapping[str, Column]) -> Iterator[int]:
    """Rows that repeat the header of every column that was delivered with text (page breaks in reports)."""
    first, *others = columns.values()
    if first.header not in first.cells:
        return
    for index, cell in enumerate(first.cells):
        if cell == first.header and all(column.cells[index] == column.header for column in others):
            yield index


def _trailing(
    everything: Sequence[Sequence[Cell]], key: Sequence[Cell], aside: Mapping[int, str]
) -> dict[int, str]:
    """Rows at the very end without a day: one or two numbers are a sum, one text is a footer."""
    found = {}
    for index in range(len(key) - 1, -1, -1):
        if index in aside:
            continue
        filled = [column[index] for column in everything if column[index] is not None]
        rule = _rule_of_last_row(filled, key[index], wide=len(everything) > 2)
        if not rule:
            break
        found[index] = rule
    return found


def _rule_of_last_row(filled: Sequence[Cell], key: Cell, wide: bool) -> str:
    if not wide or not 1 <= len(filled) <= 2 or _looks_dated(key):
        return ""
    texts = [cell for cell in filled if isinstance(cell, str) and not _is_number(cell)]
    if all(_is_number(cell) for cell in filled) or (texts and _SUM_START.match(texts[0])):
        return SUM_ROW
    return FOOTER_ROW if len(filled) == len(texts) == 1 and _WORDS.search(texts[0]) else ""


def _looks_dated(key: Cell) -> bool:
    """A day of its own makes a data row; a footer or a count standing in the day's column does not."""
    digits = sum(map(str.isdigit, str(key)))
    return isinstance(key, date) or (key is not None and digits in {4, 5, 6, 8, 14})


def _is_number(cell: Cell) -> bool:
    """A count or sum; ten digits and more are somebody's number."""
    text = str(cell)
    return bool(_NUMBER.match(text)) and sum(map(str.isdigit, text)) < 10


def about_set_aside(aside: Mapping[int, str], row_numbers: Sequence[int], sheet: str) -> Iterator[Finding]:
    """One finding for each rule by which rows were set aside, naming the rows."""
    for name, rule in _RULES.items():
        rows = sorted(row_numbers[index] for index, why in aside.items() if why == name)
        if rows:
            yield finding(rule, {"found": shown_rows(rows)}, sheet=sheet, row=rows[0], count=len(rows))


def shown_rows(rows: Sequence[int]) -> str:
    """Row numbers for a message, shortened."""
    shown = ", ".join(map(str, rows[:_SHOWN]))
    more = f" och {len(rows) - _SHOWN} till" if len(rows) > _SHOWN else ""
    return f"rad {shown}{more}"
