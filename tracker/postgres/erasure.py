"""Erasures in PostgreSQL: asked for and approved by two logins, carried out by one function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from sqlalchemy import make_url, text

from tracker.domain.errors import NotFound, UsageError
from tracker.postgres.engine import Role, StatementRefused, connect, psycopg_connection
from tracker.record.erasures import ErasedId, LedgerEntry, Scope


@dataclass(frozen=True)
class Request:
    """One request for erasure and what became of it; nothing in it says of whom."""

    request_no: int
    scope: Scope
    municipality: str
    reason: str
    legal_basis: str
    requested_by: str
    requested_at: datetime
    approved_by: str | None
    done_at: datetime | None
    events: int | None
    position: int | None


@dataclass(frozen=True)
class ListedFile:
    """A delivery whose stored file holds something erased; ``open`` while it waits to be loaded or mended."""

    delivery_no: int
    erasure_id: str
    digest: bytes
    once: bool
    open: bool


REQUESTS = """
    SELECT r.request_no, r.scope, r.municipality, r.reason, r.legal_basis, r.requested_by, r.requested_at,
           a.approved_by, d.done_at, d.events, d.position
    FROM erasure.request r
    LEFT JOIN erasure.approval a USING (request_no)
    LEFT JOIN erasure.done d USING (request_no)
    ORDER BY r.request_no
"""

APPROVE = "SELECT id_hmacs, key_versions, kinds FROM erasure.approve(%s, %s::uuid)"

CARRIED_OUT = """
    SELECT erasure_id::text, scope, municipality, reason, legal_basis, requested_by, approved_by, done_at,
           position, events
    FROM erasure.done WHERE request_no = %s
"""

# A file listed, or delivered since with rows about somebody erased. It is open while its delivery is not in
# yet, or rows of it wait for a mend.
FILES = """
    WITH newest AS (SELECT DISTINCT ON (delivery_no) * FROM intake.attempt ORDER BY delivery_no, attempt DESC)
    SELECT f.delivery_no, f.erasure_id::text, f.digest, f.once,
           NOT f.once AND (n.state IS NULL OR n.state = 'held' OR n.quarantined > 0)
    FROM erasure.file f LEFT JOIN newest n USING (delivery_no)
    UNION ALL
    SELECT d.delivery_no, '', d.digest, false, n.quarantined > 0
    FROM newest n JOIN intake.delivery d USING (delivery_no)
    WHERE EXISTS (SELECT FROM intake.row_outcome o WHERE o.rule = 'erased_subject'
                  AND (o.delivery_no, o.attempt) = (n.delivery_no, n.attempt))
      AND NOT EXISTS (SELECT FROM erasure.file f WHERE f.delivery_no = n.delivery_no)
    ORDER BY 1
"""

WITHDRAWN = """
    SELECT municipality FROM (SELECT DISTINCT ON (municipality) municipality, withdrawn
                              FROM erasure.membership ORDER BY municipality, number DESC) AS newest
    WHERE withdrawn
"""

SCRUBBED = (
    *("projection.head", "projection.stream", "intake.delivery", "intake.row_outcome", "intake.finding"),
    *("intake.spelling", "intake.churning_ids", "erasure.request", "vault.subject"),
)
"""Tables beside the log whose old row versions may hold what was erased."""

REFUSED = {
    "two_people": "who asked for an erasure cannot approve it: somebody else does, with another login",
    "both_mean_the_same": "the request is about another child than the one named, or is carried out already",
    "approval_pkey": "the request is approved and carried out already; see: tracker erase list",
}


class PostgresErasures:
    """Erasures of the database at ``url``. Who asks and approves is who logs in there."""

    def __init__(self, url: str) -> None:
        self.url = url

    def request_subject(self, subject_id: str, reason: str, legal_basis: str) -> int:
        """Ask for a subject's erasure; returns the request's number."""
        query = "SELECT erasure.request_subject(CAST(:subject AS uuid), :reason, :basis)"
        return self._ask(query, {"subject": subject_id, "reason": reason, "basis": legal_basis})

    def request_municipality(self, municipality: str, reason: str, legal_basis: str) -> int:
        """Ask for the withdrawal of a municipality; returns the request's number."""
        query = "SELECT erasure.request_municipality(:municipality, :reason, :basis)"
        return self._ask(query, {"municipality": municipality, "reason": reason, "basis": legal_basis})

    def approve(
        self, request_no: int, named: str | None, before_commit: Callable[[LedgerEntry], None]
    ) -> LedgerEntry:
        """Approve a request and carry it out, in one transaction; ``before_commit`` keeps the entry outside.

        ``named`` is the subject as the approving person named it (None for a municipality). Raises
        ``UsageError`` for the same login, another subject or a request carried out already.
        """
        try:
            with connect(self.url, Role.ERASER) as connection:
                driver = psycopg_connection(connection)
                hashes = driver.execute(APPROVE.encode(), [request_no, named]).fetchone()
                row = driver.execute(CARRIED_OUT.encode(), [request_no]).fetchone()
                assert hashes is not None and row is not None, "an approved erasure is a done one"
                entry = _entry(hashes, row)
                before_commit(entry)
                return entry
        except StatementRefused as refused:
            if refused.constraint in REFUSED:
                raise UsageError(REFUSED[refused.constraint]) from None
            raise

    def requests(self) -> list[Request]:
        """Every request, oldest first."""
        with connect(self.url, Role.READER) as connection:
            rows = connection.execute(text(REQUESTS)).all()
        return [Request(row[0], Scope(row[1]), *row[2:]) for row in rows]

    def find(self, request_no: int) -> Request:
        """One request; raises ``NotFound``."""
        for request in self.requests():
            if request.request_no == request_no:
                return request
        raise NotFound(f"there is no request {request_no}; see: tracker erase list")

    def count(self) -> int:
        """Erasures carried out."""
        with connect(self.url, Role.READER) as connection:
            return int(connection.execute(text("SELECT count(*) FROM erasure.done")).scalar_one())

    def known(self) -> frozenset[str]:
        """Ids of the ledger's entries this database knows."""
        query = (
            "SELECT erasure_id::text FROM erasure.done UNION SELECT entry_id::text FROM erasure.membership"
        )
        with connect(self.url, Role.READER) as connection:
            return frozenset(connection.execute(text(query)).scalars())

    def replay(self, entry: LedgerEntry, hashes: Sequence[bytes], key_version: int) -> int:
        """Carry out an entry of the ledger again, its ids as ``hashes`` of the newest key. Events erased."""
        said = [entry.reason, entry.legal_basis, entry.requested_by, entry.approved_by]
        with connect(self.url, Role.OWNER) as connection:
            driver = psycopg_connection(connection)
            if entry.scope is Scope.MUNICIPALITY:
                query = "SELECT erasure.replay_municipality(%s, %s, %s, %s, %s, %s)"
                row = driver.execute(query, [entry.erasure_id, entry.municipality, *said]).fetchone()
            else:
                query = "SELECT erasure.replay_subject(%s, %s, %s, %s, %s, %s, %s, %s)"
                ids = [list(hashes), [one.kind for one in entry.ids], key_version]
                row = driver.execute(query, [entry.erasure_id, *ids, *said]).fetchone()
        assert row is not None
        return int(row[0])

    def register_again(
        self, entry_id: str, municipality: str, reason: str, before_commit: Callable[[], None]
    ) -> None:
        """Let a municipality deliver again; raises ``UsageError`` for one that did not withdraw."""
        query = text("SELECT erasure.register_again(CAST(:entry AS uuid), :municipality, :reason)")
        given = {"entry": entry_id, "municipality": municipality, "reason": reason}
        with connect(self.url, Role.ERASER) as connection:
            if not connection.execute(query, given).scalar_one():
                raise UsageError(f"municipality {municipality} has not withdrawn")
            before_commit()

    def withdrawn(self) -> frozenset[str]:
        """Municipalities that withdrew and are not registered again."""
        with connect(self.url, Role.READER) as connection:
            return frozenset(connection.execute(text(WITHDRAWN)).scalars())

    def files(self) -> list[ListedFile]:
        """Deliveries whose stored files hold something erased."""
        with connect(self.url, Role.READER) as connection:
            rows = psycopg_connection(connection).execute(FILES.encode()).fetchall()
        return [ListedFile(*row) for row in rows]

    def forget_rows(self, erasure_id: str, delivery_no: int, rows: Sequence[int]) -> None:
        """Clean the intake ledger of rows of a delivery, and list its stored file."""
        with connect(self.url, Role.ERASER) as connection:
            driver = psycopg_connection(connection)
            driver.execute(
                "SELECT erasure.forget_rows(%s, %s, %s::int[])", [erasure_id, delivery_no, list(rows)]
            )

    def file_is_gone(self, delivery_no: int) -> None:
        """Take a withdrawn delivery's file off the list: it may lie there anew one day, rightly."""
        with connect(self.url, Role.ERASER) as connection:
            connection.execute(text("SELECT erasure.file_is_gone(:delivery)"), {"delivery": delivery_no})

    def newest(self) -> str:
        """Id of the newest erasure; raises ``NotFound`` where there is none."""
        query = text("SELECT erasure_id::text FROM erasure.done ORDER BY position DESC LIMIT 1")
        with connect(self.url, Role.READER) as connection:
            found = connection.execute(query).scalar()
        if found is None:
            raise NotFound("nothing was erased yet")
        return str(found)

    def scrub(self, step: Callable[[str], None] = lambda table: None) -> None:
        """Write every table anew that may hold old versions of erased rows: their bytes leave the disk.

        Each table is locked while it is written. The write-ahead log loses them as its files are recycled,
        after the checkpoint this ends with. Needs a login that may take the role of the owner.
        """
        address = make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(address, autocommit=True, options=f"-c role={Role.OWNER}") as driver:
            parts = driver.execute(
                "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'record.event'::regclass "
                "AND EXISTS (SELECT FROM record.event WHERE tableoid = inhrelid AND erased_by IS NOT NULL)"
            )
            for table in (*(name for (name,) in parts.fetchall()), *SCRUBBED):
                driver.execute(f"VACUUM (FULL, ANALYZE) {table}".encode())
                step(table)

    def _ask(self, query: str, given: dict[str, str]) -> int:
        with connect(self.url, Role.ERASER) as connection:
            return int(connection.execute(text(query), given).scalar_one())


def _entry(erased: Sequence[Any], row: Sequence[Any]) -> LedgerEntry:
    ids = zip(*(column or () for column in erased), strict=True)
    erasure_id, scope, municipality, reason, basis, requested_by, approved_by, done_at, position, events = row
    return LedgerEntry(
        erasure_id=erasure_id,
        scope=Scope(scope),
        municipality=municipality,
        reason=reason,
        legal_basis=basis,
        requested_by=requested_by,
        approved_by=approved_by,
        at=done_at.isoformat(timespec="seconds"),
        position=position,
        events=events,
        ids=tuple(ErasedId(bytes(one).hex(), version, kind) for one, version, kind in ids),
    )
