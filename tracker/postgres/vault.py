"""The vault in PostgreSQL: schema ``vault``, entered by the role ``tracker_vault`` alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from tracker.domain.errors import NotFound
from tracker.postgres.engine import Role, connect, psycopg_connection
from tracker.pseudonymise.keyring import IdentityKeys
from tracker.pseudonymise.vault import (
    ERASED,
    NO_SUBJECT,
    HashedId,
    SubjectRef,
    require_renewed,
    require_same_keys,
)

LOCK = 0x7661_756C_74
"""Advisory lock: shared by everyone who reads or fills the vault, alone for who renews its hashes."""

BATCH = 50_000
"""Hashes renewed in one transaction: a crash loses at most one batch of work, never its outcome."""

Driver = psycopg.Connection[Any]

ASKED = """
SET LOCAL client_min_messages = warning;
CREATE TEMPORARY TABLE IF NOT EXISTS asked
    (place integer, id_hmac bytea, kind text, candidate bytea) ON COMMIT DELETE ROWS
"""

# Nothing refers to a new subject but events of the same server, whose commit flushes this one before it.
UNHURRIED = "SET LOCAL synchronous_commit = off"

# In order of the hash, so that loaders at once wait for each other and never in a circle.
INSERT = """
INSERT INTO vault.subject (id_hmac, key_version, kind, municipality, subject_id)
SELECT DISTINCT ON (id_hmac)
    id_hmac, %(version)s, kind, CASE WHEN kind = 'local' THEN %(municipality)s ELSE '' END,
    encode(candidate, 'hex')::uuid
FROM asked
WHERE NOT EXISTS (SELECT FROM vault.subject AS known WHERE known.id_hmac = asked.id_hmac)
ORDER BY id_hmac
ON CONFLICT (id_hmac) DO NOTHING
"""

ANSWER = """
SELECT subject.subject_id::text, subject.state
FROM asked LEFT JOIN vault.subject AS subject USING (id_hmac)
ORDER BY asked.place
"""

ERASE = """
UPDATE vault.subject SET subject_id = NULL, state = 'erased', municipality = ''
WHERE subject_id = %s::uuid
"""

RENEW = """
UPDATE vault.subject SET id_hmac = renewal.newer, key_version = %s
FROM renewal WHERE subject.id_hmac = renewal.older
"""


class PostgresVault:
    """The vault of the database at ``url``, opened with ``keys``; the ``Vault`` protocol says the rest."""

    def __init__(self, url: str, keys: IdentityKeys) -> None:
        self.url = url
        self.keys = keys

    def subjects_for(self, ids: Sequence[HashedId], municipality: str) -> list[SubjectRef]:
        """As ``Vault.subjects_for``."""
        with self._open() as driver:
            driver.execute(UNHURRIED)
            _ask(driver, ids)
            driver.execute(INSERT, {"version": self.keys.version, "municipality": municipality})
            return [ref for ref in _answers(driver) if ref is not None]

    def lookup(self, ids: Sequence[HashedId]) -> list[SubjectRef | None]:
        """As ``Vault.lookup``."""
        with self._open() as driver:
            _ask(driver, ids)
            return _answers(driver)

    def erase(self, subject_id: str) -> None:
        """As ``Vault.erase``."""
        with self._open() as driver:
            if driver.execute(ERASE, [subject_id]).rowcount == 0:
                raise NotFound(NO_SUBJECT)

    def rotate(self) -> int:
        """As ``Vault.rotate``; in batches, each its own transaction."""
        self._announce()
        renewed = 0
        while batch := self._renew_batch():
            renewed += batch
        return renewed

    @contextmanager
    def _open(self) -> Iterator[Driver]:
        """A transaction under the right keys; nobody renews hashes while it lasts."""
        with connect(self.url, Role.VAULT) as connection:
            driver = psycopg_connection(connection)
            driver.execute("SELECT pg_advisory_xact_lock_shared(%s)", [LOCK])
            require_renewed(self._version(driver), self.keys)
            yield driver

    def _version(self, driver: Driver) -> int:
        """Key version of the vault's hashes; an empty vault takes the keys it is first opened with."""
        query = "SELECT fingerprint, renewed FROM vault.identity_key ORDER BY version"
        if not driver.execute(query).fetchall():
            self._register(driver, renewed=True)
        rows = driver.execute(query).fetchall()
        require_same_keys([fingerprint for fingerprint, _ in rows], self.keys)
        return sum(renewed for _, renewed in rows)

    def _register(self, driver: Driver, *, renewed: bool) -> None:
        for version, fingerprint in enumerate(self.keys.fingerprints, start=1):
            driver.execute(
                "INSERT INTO vault.identity_key VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                [version, fingerprint, renewed],
            )

    @contextmanager
    def _alone(self) -> Iterator[Driver]:
        with connect(self.url, Role.VAULT) as connection:
            driver = psycopg_connection(connection)
            driver.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            yield driver

    def _announce(self) -> None:
        """Register the newest key as not renewed yet: from here on nobody fills in older hashes."""
        with self._alone() as driver:
            self._version(driver)
            self._register(driver, renewed=False)

    def _renew_batch(self) -> int:
        with self._alone() as driver:
            rows = driver.execute(
                "SELECT id_hmac, key_version FROM vault.subject WHERE key_version < %s LIMIT %s",
                [self.keys.version, BATCH],
            ).fetchall()
            driver.execute("CREATE TEMPORARY TABLE renewal (older bytea, newer bytea) ON COMMIT DROP")
            with driver.cursor().copy("COPY renewal FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(["bytea", "bytea"])
                for older, version in rows:
                    copy.write_row((older, self.keys.renew(older, version)))
            driver.execute(RENEW, [self.keys.version])
            if not rows:
                driver.execute("UPDATE vault.identity_key SET renewed = true WHERE NOT renewed")
            return len(rows)


def _ask(driver: Driver, ids: Sequence[HashedId]) -> None:
    driver.execute(ASKED)
    with driver.cursor().copy("COPY asked FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["int4", "bytea", "text", "bytea"])
        for place, (one, candidate) in enumerate(zip(ids, _random_uuids(len(ids)), strict=True)):
            copy.write_row((place, one.id_hmac, one.kind.value, candidate))
    driver.execute("ANALYZE asked")


VERSION_4 = bytes(octet & 0x0F | 0x40 for octet in range(256))
VARIANT = bytes(octet & 0x3F | 0x80 for octet in range(256))


def _random_uuids(count: int) -> list[bytes]:
    """UUIDs of version 4 (RFC 9562), 16 bytes each, for those who turn out to be new.

    Made at one go: the server's own function costs more than all the rest of an insert.
    """
    octets = bytearray(os.urandom(16 * count))
    octets[6::16] = octets[6::16].translate(VERSION_4)
    octets[8::16] = octets[8::16].translate(VARIANT)
    return [bytes(octets[start : start + 16]) for start in range(0, len(octets), 16)]


def _answers(driver: Driver) -> list[SubjectRef | None]:
    rows = driver.execute(ANSWER).fetchall()
    return [
        None if state is None else ERASED if subject_id is None else SubjectRef(subject_id)
        for subject_id, state in rows
    ]
