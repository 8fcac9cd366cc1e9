"""Staging: one delivery's rows and candidate events into the session's temporary tables, by COPY."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Set
from itertools import chain, islice
from operator import itemgetter
from typing import Any

from psycopg import Connection

from tracker.domain.events import LINKING_IDS
from tracker.record.stage import StagedDelivery, StagedIds

NULL = "\\N"
BLOCK_LINES = 2_000
SALT = 16
"""Random bytes that hide an event behind its leaf: without them nobody can try out what it said."""


def copy_stage(driver: Connection[Any], staged: StagedDelivery, standing: Set[int] = frozenset()) -> None:
    """Fill ``stage_row``, ``stage_event`` and ``stage_protected``; they empty themselves at commit.

    Rows of ``standing`` are known to say nothing new: they go as unchanged, without their events.
    """
    driver.execute("SELECT record.open_stage()")
    _copy(driver, "COPY pg_temp.stage_row FROM STDIN", _row_lines(staged, standing))
    _copy(driver, "COPY pg_temp.stage_event FROM STDIN", _event_lines(staged, standing))
    _copy(driver, "COPY pg_temp.stage_protected FROM STDIN", _protected_lines(staged))


def copy_churning_ids(
    driver: Connection[Any], delivery_no: int, attempt: int, staged: StagedDelivery
) -> None:
    """Keep what an export whose ids churn calls its facts; nothing for any other."""
    if staged.churning_ids:
        columns = ", ".join(("fact_id", "delivery_no", "attempt", *LINKING_IDS))
        lines = _id_lines(f"\t{delivery_no}\t{attempt}\t", staged.churning_ids)
        _copy(driver, f"COPY intake.churning_ids ({columns}) FROM STDIN", lines)


_FACT = itemgetter(0)


def _id_lines(attempt: str, rows: Iterable[StagedIds]) -> Iterator[str]:
    for fact, ids in sorted(rows, key=_FACT):  # as the index lies
        cells = [ids.get(name, NULL) for name in LINKING_IDS]
        told = "\t".join([cell if isinstance(cell, str) else f"{{{','.join(cell)}}}" for cell in cells])
        yield f"{fact}{attempt}{told}\n"


def _copy(driver: Connection[Any], command: str, lines: Iterator[str]) -> None:
    blocks = iter(lambda: "".join(islice(lines, BLOCK_LINES)), "")
    if (first := next(blocks, None)) is None:
        return  # what stands anew has no events, most files no protected rows: the server need not hear of it
    with driver.cursor() as cursor, cursor.copy(command.encode()) as copy:
        for block in chain([first], blocks):
            copy.write(block)


def _row_lines(staged: StagedDelivery, standing: Set[int]) -> Iterator[str]:
    for row_no, fact, period_on in staged.rows:
        outcome = "unchanged" if row_no in standing else NULL
        yield f"{row_no}\t{fact}\t{period_on}\t{outcome}\t{NULL}\n"
    for row_no in staged.quarantined:
        yield f"{row_no}\t{NULL}\t{NULL}\tquarantined\t{NULL}\n"
    for row_no, rule in staged.set_aside.items():
        yield f"{row_no}\t{NULL}\t{NULL}\tset_aside\t{rule}\n"


def _event_lines(staged: StagedDelivery, standing: Set[int]) -> Iterator[str]:
    events = [event for event in staged.events if event.row_no not in standing]
    salts = os.urandom(SALT * len(events)).hex()
    for ordinal, (row_no, fact, kind, subject, occurred, content, body) in enumerate(events):
        # JSON has no raw tab or line break; only its backslashes mean something to COPY.
        escaped = body.replace("\\", "\\\\") if "\\" in body else body
        salt = salts[ordinal * SALT * 2 : (ordinal + 1) * SALT * 2]
        yield (
            f"{ordinal}\t{row_no}\t{fact}\t{kind}\t{subject or NULL}\t{occurred or NULL}"
            f"\t\\\\x{content}\t\\\\x{salt}\t{escaped}\n"
        )


def _protected_lines(staged: StagedDelivery) -> Iterator[str]:
    for fact in staged.protected_facts:
        yield f"{fact}\t{NULL}\n"
    for subject in staged.protected_subjects:
        yield f"{NULL}\t{subject}\n"
