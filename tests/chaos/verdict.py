"""After the injuries: one undisturbed run, and everything is in once, accounted for, verified, and quiet."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from tests.chaos.scene import Round, Undisturbed
from tests.e2e.ingesting import Ingest, wait_for
from tests.e2e.log_content import content, problems_of_accounting
from tracker.desk.verification import verify_log
from tracker.postgres import reading
from tracker.postgres.engine import close
from tracker.wiring import Installation

QUIET_SECONDS = 20
"""How long a process or a session of a load that was killed may live on."""


@dataclass(frozen=True)
class Verdict:
    """What differs from the undisturbed run: groups of events lost and doubled, and sentences."""

    lost: int
    doubled: int
    problems: list[str]

    @property
    def holds(self) -> bool:
        return not (self.lost or self.doubled or self.problems)


def finish(done: Round) -> Verdict:
    """One more run, undisturbed, and the verdict."""
    code, said = done.ingest().end()
    ended = [] if code == 0 else [f"the undisturbed run ended with {code}: {said[-500:]}"]
    orphans = [f"a load left processes: {one.relatives()}" for one in done.started if not is_quiet(one)]
    found = compare(done.place, done.scene.undisturbed)
    return Verdict(found.lost, found.doubled, [*ended, *orphans, *found.problems])


def is_quiet(ingest: Ingest) -> bool:
    """Whether nothing of a load is at work any more."""
    return wait_for(lambda: not ingest.relatives(), QUIET_SECONDS)


def compare(place: Installation, expected: Undisturbed) -> Verdict:
    """The log, the store and the outbox against those of the undisturbed run."""
    found = content(place.url)
    lost, doubled = expected.content - found, found - expected.content
    problems = [
        *problems_of_accounting(place.url),
        *_problems_of_files(place, expected),
        *_problems_of_verification(place),
        *_left_in_the_database(place.url),
    ]
    return Verdict(sum(lost.values()), sum(doubled.values()), problems)


def _problems_of_files(place: Installation, expected: Undisturbed) -> list[str]:
    """Each file kept, each sender told, each once."""
    known = reading.deliveries(place.url)
    told = {path.name for path in place.settings.outbox.rglob("[!.]*.xlsx")}  # hidden: a writer was killed
    stored = set(place.tools()().store.names())
    wrong = []
    if len(known) != expected.files:
        wrong.append(f"{len(known)} deliveries of {expected.files} files")
    if told != {f"aterkoppling-{delivery.delivery_no:05d}.xlsx" for delivery in known}:
        wrong.append(f"{len(told)} workbooks for {len(known)} deliveries")
    if stored != {delivery.digest.hex() for delivery in known}:
        wrong.append(f"{len(stored)} stored files for {len(known)} deliveries")
    return wrong


def _problems_of_verification(place: Installation) -> list[str]:
    found = verify_log(place)
    wrong = [f"verify: {problem.what}" for problem in found.problems]
    return wrong if found.anchored else [*wrong, "verify: no head is anchored"]


BUSY = """
SELECT 'a session is left: ' || coalesce(application_name, '') || ' ' || coalesce(state, '')
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND backend_type = 'client backend' AND application_name = 'tracker'
UNION ALL
SELECT 'a lock is left: ' || mode FROM pg_locks
WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def _left_in_the_database(url: str) -> list[str]:
    """Sessions and locks nobody of ours holds, once the server has noticed that their clients are gone."""
    close(url)
    with psycopg.connect(url, autocommit=True) as connection:
        wait_for(lambda: not connection.execute(BUSY).fetchall(), QUIET_SECONDS)
        return [sentence for (sentence,) in connection.execute(BUSY)]
