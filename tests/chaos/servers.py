"""PostgreSQL dies in the middle of a load: killed, stopped at once, restarted."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import psycopg

from tests.chaos.injuries import Injury
from tests.chaos.loaders import ended_with_a_sentence
from tests.chaos.scene import Round
from tests.e2e.ingesting import wait_for
from tracker.domain.errors import DatabaseUnavailable
from tracker.postgres.embedded import EmbeddedServer
from tracker.postgres.postmaster import is_running

SESSIONS = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'tracker' AND backend_type = 'client backend'
"""


def postmaster_killed(round_: Round) -> Injury:
    """SIGKILL for the postmaster."""
    return _in_the_middle(round_, "postgres: postmaster killed", lambda: _signal(round_, signal.SIGKILL))


def backend_killed(round_: Round) -> Injury:
    """SIGKILL for one of the load's sessions: the server ends all of them and recovers by itself."""

    def kill() -> bool:
        with psycopg.connect(round_.place.url) as connection:
            found = [pid for (pid,) in connection.execute(SESSIONS)]
        if found:
            os.kill(round_.rng.choice(found), signal.SIGKILL)
        return bool(found)

    return _in_the_middle(round_, "postgres: backend killed", kill)


def stopped_immediately(round_: Round) -> Injury:
    """What ``pg_ctl stop --mode=immediate`` sends: no checkpoint, recovery at the next start."""
    return _in_the_middle(round_, "postgres: immediate stop", lambda: _signal(round_, signal.SIGQUIT))


def restarted(round_: Round) -> Injury:
    """What ``pg_ctl restart --mode=fast`` does, while the load goes on."""

    def restart() -> bool:
        hit = _signal(round_, signal.SIGINT)
        bring_up(round_.scene.server)
        return hit

    return _in_the_middle(round_, "postgres: fast restart", restart)


def bring_up(server: EmbeddedServer) -> None:
    """Start the server once it is down, or wait until it has recovered by itself."""
    server.start()
    wait_for(lambda: _answers(server.url), seconds=60)


def _in_the_middle(round_: Round, kind: str, injure: Callable[[], bool]) -> Injury:
    ingest = round_.ingest()
    moment = round_.wait_for_a_moment(ingest)
    hit = ingest.process.poll() is None and injure()
    problems = ended_with_a_sentence(ingest, {0, DatabaseUnavailable.exit_code})
    bring_up(round_.scene.server)
    return Injury(kind, moment, hit, problems)


def _signal(round_: Round, number: signal.Signals) -> bool:
    """Signal the postmaster and wait until it is gone."""
    server = round_.scene.server
    os.kill(int((server.data / "postmaster.pid").read_text().split()[0]), number)
    while is_running(server.data):
        time.sleep(0.01)
    return True


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True
