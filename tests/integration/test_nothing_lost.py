"""Many loaders at once, readers that follow, and loaders killed at any moment: in once, or visibly not in."""

from __future__ import annotations

import pickle
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from tests.contract.test_event_log import NEVER_HOLD, final
from tests.log_histories import Delivery, Row, claims
from tracker.domain.delivery import DeliveryState
from tracker.postgres.event_log import PostgresLog
from tracker.record.memory import MemoryLog
from tracker.record.stage import stage

MUNICIPALITIES = [f"{n:04d}" for n in range(100, 106)]


def history(seed: int, deliveries: int = 4, rows: int = 40) -> list[tuple[str, Delivery]]:
    """Corrected full deliveries of several municipalities, in a random order of arrival."""
    rng = random.Random(seed)

    def row() -> Row:
        return Row(rng.randrange(20), rng.randrange(5), rng.choice([None, 5]), rng.choice([None, "a"]), None)

    made = [
        (municipality, Delivery(tuple(row() for _ in range(rows)), extracted=10 + n, full=True))
        for municipality in MUNICIPALITIES
        for n in range(deliveries)
    ]
    rng.shuffle(made)
    return made


def load(log: PostgresLog | MemoryLog, municipality: str, delivery: Delivery) -> None:
    digest = sha256(repr(delivery).encode()).digest()
    number = log.register(municipality, "x.xlsx", digest, 1).delivery_no
    log.load(number, stage(claims(delivery, municipality)), hold_share=NEVER_HOLD)


def undisturbed(made: Iterable[tuple[str, Delivery]]) -> MemoryLog:
    log = MemoryLog()
    for municipality, delivery in made:
        load(log, municipality, delivery)
    return log


def test_eight_loaders_at_once_give_what_one_gives_and_a_follower_misses_nothing(database: str) -> None:
    made = history(1)
    log, followed, done = PostgresLog(database), [0], threading.Event()

    def follow() -> None:
        while not done.is_set() or log.position() > followed[-1]:
            followed.extend(event.position for event in log.events(after=followed[-1]))

    follower = threading.Thread(target=follow)
    follower.start()
    with ThreadPoolExecutor(8) as pool:
        twice = [pool.submit(load, log, *item) for item in [*made, *made[:6]]]
        for result in twice:
            result.result()
    done.set()
    follower.join()
    assert followed == list(range(log.position() + 1))
    expected = undisturbed(made)
    for municipality in MUNICIPALITIES:
        assert final(log, municipality) == final(expected, municipality)


LOADER = """
import pickle, sys
from pathlib import Path
from tests.integration.test_nothing_lost import load
from tracker.postgres.event_log import PostgresLog
made = pickle.loads(Path(sys.argv[1]).read_bytes())
log = PostgresLog(sys.argv[2])
for municipality, delivery in made:
    load(log, municipality, delivery)
    print("loaded", flush=True)
"""


def test_a_loader_killed_at_any_moment_leaves_everything_in_once(database: str, tmp_path: Path) -> None:
    made, rng = history(2), random.Random(3)
    given = tmp_path / "made"
    given.write_bytes(pickle.dumps(made))
    for _ in range(5):
        loader = subprocess.Popen(
            [sys.executable, "-c", LOADER, str(given), database], stdout=subprocess.PIPE, cwd=Path.cwd()
        )
        assert loader.stdout is not None
        loader.stdout.readline()
        time.sleep(rng.uniform(0, 0.25))
        loader.kill()
        loader.communicate()
    subprocess.run([sys.executable, "-c", LOADER, str(given), database], check=True, cwd=Path.cwd())
    log, expected = PostgresLog(database), undisturbed(made)
    for municipality in MUNICIPALITIES:
        assert final(log, municipality) == final(expected, municipality)
    assert [event.position for event in log.events()] == list(range(1, log.position() + 1))


def test_a_delivery_registered_but_not_loaded_is_visible_and_loads_later(database: str) -> None:
    log, (municipality, delivery) = PostgresLog(database), history(4)[0]
    first = log.register(municipality, "x.xlsx", b"d" * 32, 1)
    assert first.state is DeliveryState.RECEIVED
    assert log.receipt(first.delivery_no) is None
    log.load(first.delivery_no, stage(claims(delivery, municipality)))
    assert log.register(municipality, "renamed.xlsx", b"d" * 32, 1).state is DeliveryState.LOADED
