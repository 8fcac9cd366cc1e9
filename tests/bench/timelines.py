"""One child's timeline, and a bare primary-key SELECT on the same connection."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from statistics import median, quantiles
from typing import Any

from sqlalchemy import text

from tracker.desk.timelines import declared
from tracker.harmonise.codebook import Codebooks
from tracker.postgres.engine import Role, connect, psycopg_connection
from tracker.postgres.log_reading import ChildReader
from tracker.projections.coverage import Seen
from tracker.projections.evolve import evolve

WARM_UP = 200
ROUNDS = 5


def timelines(url: str, children: int, seed: int) -> dict[str, Any]:
    """p99 over random children, each as of a random position at or after one of its events."""
    codebooks = Codebooks.load()
    with connect(url, Role.READER) as connection:
        reader, driver = ChildReader(connection), psycopg_connection(connection)
        last = connection.execute(text("SELECT max(last_position) FROM record.batch")).scalar_one()
        drawn = random.Random(seed)
        asked = _asked(connection, children + WARM_UP, last, drawn)
        seen = Seen(declared(url, last))

        def one(subject: str, position: int) -> int:
            return len(evolve(subject, reader.events(subject, position), codebooks, seen).entries)

        def bare(_: str, position: int) -> Any:
            return driver.execute("SELECT * FROM record.event WHERE position = %s", [position]).fetchone()

        rounds = [(_each(bare, asked), _each(one, asked)) for _ in range(ROUNDS)]
        entries = [one(subject, position) for subject, position in asked[:WARM_UP]]
    return {
        "timeline_p99": median(_p99(made) for _, made in rounds),
        "select_p99": median(_p99(bare) for bare, _ in rounds),
        "timeline_median": median(median(made) for _, made in rounds),
        "select_median": median(median(bare) for bare, _ in rounds),
        "children": children,
        "entries": sum(entries) / len(entries),
    }


def _asked(connection: Any, count: int, last: int, drawn: random.Random) -> list[tuple[str, int]]:
    asked: list[tuple[str, int]] = []
    query = text("SELECT subject_id::text FROM record.event WHERE position = :at AND subject_id IS NOT NULL")
    while len(asked) < count:
        at = drawn.randint(1, last)
        if subject := connection.execute(query, {"at": at}).scalar():
            asked.append((subject, drawn.randint(at, last)))
    return asked


def _each(work: Callable[[str, int], Any], asked: Sequence[tuple[str, int]]) -> list[float]:
    """Seconds of each call after the warm-up."""
    seconds = []
    for subject, position in asked:
        start = time.perf_counter()
        work(subject, position)
        seconds.append(time.perf_counter() - start)
    return seconds[WARM_UP:]


def _p99(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=100)[-1]
