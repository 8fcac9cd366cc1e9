"""What must hold for any cells and any bytes: nothing changes on the way, nothing but refusal goes wrong."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import intake_corpus as corpus
from tracker.domain.delivery import Cell
from tracker.domain.errors import RejectedFile
from tracker.intake import wire
from tracker.intake.extract import extract
from tracker.intake.raw import Hints, Limits, Problem, RawTable
from tracker.intake.text_file import read_text

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False)
CELLS = st.one_of(
    st.none(),
    TEXTS,
    st.booleans(),
    NUMBERS.map(lambda n: int(n) if isinstance(n, float) and n.is_integer() else n),
    st.dates(),
    st.datetimes(timezones=st.none()),
)
COLUMNS = st.one_of(st.lists(CELLS), st.lists(TEXTS), st.lists(st.integers(-9, 9)), st.lists(st.dates()))


def _blank_as_none(cell: Any) -> Any:
    return None if isinstance(cell, str) and (not cell or cell.isspace()) else cell


def _typed(cells: Any) -> list[tuple[type, Any]]:
    return [(type(cell), cell) for cell in cells]


@settings(max_examples=100)
@given(COLUMNS, COLUMNS)
def test_cells_cross_the_wire_unchanged(first: list[Any], second: list[Any]) -> None:
    length = min(len(first), len(second))
    columns = (first[:length], second[:length])
    table = RawTable("Å", columns, range(1, length + 1), {0: "FILE-025"}, [1], [(2, 3)], [(1, 2, 3, 4)])
    problems = [Problem("FILE-005", {"found": "x"}, 3, 2)]
    answer = wire.decode(b"".join(wire.encode([table], problems)))
    (got,) = answer["tables"]
    for sent, received in zip(columns, got.columns, strict=True):
        assert _typed(received) == _typed(map(_blank_as_none, sent))
    assert (got.sheet, got.row_numbers, got.broken, got.merged) == (
        "Å",
        table.row_numbers,
        {0: "FILE-025"},
        [(1, 2, 3, 4)],
    )
    assert answer["problems"] == problems


@pytest.mark.parametrize("length", [0, 3, 20])
def test_a_message_cut_short_is_noticed(length: int) -> None:
    message = b"".join(wire.encode([RawTable("x", (["a", "b"],), range(1, 3))], []))
    with pytest.raises(ValueError, match=r".*"):
        wire.decode(message[:length])
    with pytest.raises(ValueError, match="cut short"):
        wire.decode(message[:-1])


@settings(max_examples=60)
@given(
    st.lists(st.lists(st.text("ab;,\t\"' é\n", max_size=6), min_size=3, max_size=3), min_size=1, max_size=12)
)
def test_quoted_text_is_cut_as_it_was_written(rows: list[list[str]]) -> None:
    quoted = "\n".join(";".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    (table,), _ = read_text(quoted.encode(), Limits(), Hints(delimiter=";"))
    if not table.broken:
        assert [list(row) for row in zip(*table.columns, strict=True)] == rows


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["x.csv", "x.txt", "x.xls", "x.xlsx"]))
def test_any_bytes_are_read_or_refused(content: bytes, name: str) -> None:
    try:
        extract(name, content, "0180")
    except RejectedFile as refused:
        assert refused.rule.startswith("FILE-") and refused.remedy


BRIEF = replace(Limits(), memory=300_000_000, cpu_seconds=1, wall_seconds=2)
"""A damaged xls can send the parser on a long walk; the limits end it."""

ORIGINALS = {
    "x.xlsx": corpus.delivery(20),
    "x.xls": corpus.xls([corpus.HEADERS, *corpus.referral_rows(20)]),
    "x.csv": corpus.text_delivery(20),
}


@pytest.mark.parametrize("name", ORIGINALS)
def test_damaged_files_are_read_or_refused(name: str) -> None:
    """Seeded damage: flipped bytes, cut ends, doubled and dropped stretches."""
    chance = random.Random(f"damage {name}")
    for _ in range(60):
        content = bytearray(ORIGINALS[name])
        at, length = chance.randrange(len(content)), chance.randrange(1, 200)
        match chance.randrange(4):
            case 0:
                for place in chance.sample(range(len(content)), 5):
                    content[place] ^= 1 << chance.randrange(8)
            case 1:
                del content[at:]
            case 2:
                content[at:at] = content[at : at + length]
            case _:
                del content[at : at + length]
        try:
            extract(name, bytes(content), "0180", limits=BRIEF)
        except RejectedFile as refused:
            assert refused.rule.startswith("FILE-")


def test_days_and_moments_stay_apart() -> None:
    cells: list[Cell] = [date(2023, 1, 1), datetime(2023, 1, 1), True, 1, 0, False, 1.5, "1"]
    answer = wire.decode(b"".join(wire.encode([RawTable("x", (cells,), range(1, 9))], [])))
    assert _typed(answer["tables"][0].columns[0]) == _typed(cells)
