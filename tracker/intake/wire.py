"""Wire: tables on their way from the reading process, column by column and never as pickles.

The reading process has parsed hostile bytes, so what it sends is data only: JSON for what is small or
odd, joined text and machine numbers for what is long and plain. A message is a 4-byte length, a JSON
head with the size of each block, then the blocks.
"""

from __future__ import annotations

import json
import struct
from array import array
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from tracker.domain.delivery import Cell
from tracker.intake.raw import Problem, RawTable

_LENGTH = struct.Struct("<I")
_SAMPLE = 1_000
_FEW = 250  # distinct cells in the sample: below, a column is sent as codes into its distinct cells
_SEPARATOR = "\x1e"
_CODE_LIMIT = 65_536


def encode(tables: Sequence[RawTable], problems: Sequence[Problem]) -> list[bytes]:
    """A message as blocks ready to send."""
    blocks: list[bytes] = []
    head = {
        "tables": [_table_head(table, blocks) for table in tables],
        "problems": [vars(p) for p in problems],
    }
    return _message(head, blocks)


def encode_rejection(rule: str, values: dict[str, str | int]) -> list[bytes]:
    """A message saying that the file breaks a FATAL rule."""
    return _message({"rule": rule, "values": values}, [])


def decode(message: bytes) -> dict[str, Any]:
    """The head of a message, with ``tables`` as ``RawTable`` and ``problems`` as ``Problem``.

    Raises ``ValueError`` when the message is not whole.
    """
    if len(message) < _LENGTH.size:
        raise ValueError("no answer")
    (length,) = _LENGTH.unpack_from(message)
    head: dict[str, Any] = json.loads(message[_LENGTH.size : _LENGTH.size + length])
    blocks, at = [], _LENGTH.size + length
    for size in head["sizes"]:
        blocks.append(memoryview(message)[at : at + size])
        at += size
    if at != len(message):
        raise ValueError("the answer is cut short")
    feed = iter(blocks)
    head["tables"] = [_table(table, feed) for table in head.get("tables", ())]
    head["problems"] = [Problem(**problem) for problem in head.get("problems", ())]
    return head


def _message(head: dict[str, Any], blocks: list[bytes]) -> list[bytes]:
    text = json.dumps({**head, "sizes": [len(block) for block in blocks]}, ensure_ascii=False).encode()
    return [_LENGTH.pack(len(text)), text, *blocks]


def _table_head(table: RawTable, blocks: list[bytes]) -> dict[str, Any]:
    numbers = table.row_numbers
    return {
        "sheet": table.sheet,
        "columns": [_column_head(column, blocks) for column in table.columns],
        "row_numbers": [numbers.start, numbers.stop] if isinstance(numbers, range) else None,
        "listed": [] if isinstance(numbers, range) else list(numbers),
        "broken": list(table.broken.items()),
        "short": list(table.short),
        "uncalculated": list(table.uncalculated),
        "merged": list(table.merged),
    }


def _table(head: dict[str, Any], feed: Any) -> RawTable:
    numbers: Sequence[int] = range(*head["row_numbers"]) if head["row_numbers"] else head["listed"]
    return RawTable(
        sheet=head["sheet"],
        columns=tuple(_column(form, feed) for form in head["columns"]),
        row_numbers=numbers,
        broken=dict(head["broken"]),
        short=head["short"],
        uncalculated=[(row, column) for row, column in head["uncalculated"]],
        merged=[(top, left, bottom, right) for top, left, bottom, right in head["merged"]],
    )


def _column_head(column: Sequence[Cell], blocks: list[bytes]) -> str:
    """Adds the blocks of one column; returns its form: ``coded``, ``joined``, ``whole`` or ``plain``."""
    kinds = set(map(type, column))
    if _worth_coding(column, kinds) and _add_coded(column, blocks):
        return "coded"
    if kinds == {str} and _add_joined(column, blocks):  # type: ignore[arg-type]  # all are texts
        return "joined"
    if kinds == {int} and _add_whole(column, blocks):  # type: ignore[arg-type]  # all are whole numbers
        return "whole"
    blocks.append(_json(column))
    return "plain"


def _worth_coding(column: Sequence[Cell], kinds: set[type]) -> bool:
    """Few distinct cells; True and 1 would be one key, so columns with truth values are not coded."""
    return bool not in kinds and (date in kinds or len(set(column[:_SAMPLE])) <= _FEW)


def _add_coded(column: Sequence[Cell], blocks: list[bytes]) -> bool:
    distinct = {cell: code for code, cell in enumerate(dict.fromkeys(column))}
    if len(distinct) >= _CODE_LIMIT:
        return False
    blocks.append(_json(distinct))
    blocks.append(array("H", map(distinct.__getitem__, column)).tobytes())
    return True


def _add_whole(column: Sequence[int], blocks: list[bytes]) -> bool:
    if max(map(abs, column)) >= 2**62:
        return False
    blocks.append(array("q", column).tobytes())
    return True


def _add_joined(column: Sequence[str], blocks: list[bytes]) -> bool:
    joined = _SEPARATOR.join(column)
    if joined.count(_SEPARATOR) != len(column) - 1 or any(map(str.isspace, column)):
        return False
    blocks.append(joined.encode("utf-8", "replace"))
    return True


def _column(form: str, feed: Any) -> list[Cell]:
    block = next(feed)
    if form == "joined":
        return [cell or None for cell in str(block, "utf-8").split(_SEPARATOR)]
    if form == "whole":
        return list(_machine_numbers("q", block))
    cells = [_from_json(cell) for cell in json.loads(bytes(block))]
    if form == "coded":
        return list(map(cells.__getitem__, _machine_numbers("H", next(feed))))
    return cells


def _machine_numbers(code: str, block: memoryview) -> array[int]:
    numbers: array[int] = array(code)
    numbers.frombytes(block)
    return numbers


def _json(cells: Any) -> bytes:
    return json.dumps(list(cells), ensure_ascii=False, default=_day_to_json).encode("utf-8", "replace")


def _day_to_json(cell: date) -> list[str]:
    return [cell.isoformat()]  # no cell is a list, so a list is a day


def _from_json(cell: Any) -> Cell:
    """A cell back from JSON; blank text becomes None here, once for all readers."""
    if type(cell) is str:
        return cell if cell and not cell.isspace() else None
    if type(cell) is not list:
        return cell  # type: ignore[no-any-return]  # JSON numbers, truth values and null are cells
    text = cell[0]
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
