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

# Nothing refers to a new subject but events of the same server, whose commit flushes this one before it.
UNHURRIED = "SET LOCAL synchronous_commit = off"

# Hashes go as one run of bytes, 32 each: a temporary table for every question costs more than the answer.
# A subquery a hash, for a join is planned without knowing how many are asked and reads the whole vault.
# One text is the answer: a subject, its state when erased, or nothing, for each.
LOOKUP = f"""
SELECT string_agg(coalesce(
    (SELECT coalesce(subject_id::text, '{ERASED.state}') FROM vault.subject
     WHERE id_hmac = substring(%(hashes)s FROM place * 32 + 1 FOR 32)), ''), ' ' ORDER BY place)
FROM generate_series(0, %(count)s::integer - 1) AS place
"""

# In order of the hash, so that loaders at once wait for each other and never in a circle.
INSERT = """
INSERT INTO vault.subject (id_hmac, key_version, kind, municipality, subject_id)
SELECT DISTINCT ON (id_hmac)
    substring(%(hashes)s FROM place::integer * 32 - 31 FOR 32) AS id_hmac, %(version)s, kind,
    CASE WHEN kind = 'local' THEN %(municipality)s ELSE '' END,
    encode(substring(%(candidates)s FROM place::integer * 16 - 15 FOR 16), 'hex')::uuid
FROM unnest(%(kinds)s::text[]) WITH ORDINALITY AS asked (kind, place)
ORDER BY id_hmac
ON CONFLICT (id_hmac) DO NOTHING
RETURNING id_hmac, subject_id::text
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
            found = _look_up(driver, ids)
            new = [place for place, ref in enumerate(found) if ref is None]
            if new:
                driver.execute(UNHURRIED)
                made = self._make(driver, [ids[place] for place in new], municipality)
                for place in new:
                    found[place] = made[ids[place].id_hmac]
            return [ref for ref in found if ref is not None]

    def _make(self, driver: Driver, ids: Sequence[HashedId], municipality: str) -> dict[bytes, SubjectRef]:
        """Subjects of hashes that had none; those another loader gave one meanwhile are looked up."""
        rows = driver.execute(INSERT, self._made(ids, municipality)).fetchall()
        made = {id_hmac: SubjectRef(subject) for id_hmac, subject in rows}
        beaten = [one for one in ids if one.id_hmac not in made]
        refs = _look_up(driver, beaten)
        return made | {one.id_hmac: ref for one, ref in zip(beaten, refs, strict=True) if ref is not None}

    def _made(self, ids: Sequence[HashedId], municipality: str) -> dict[str, Any]:
        return {
            "hashes": _joined(ids),
            "kinds": [one.kind.value for one in ids],
            "candidates": _random_uuids(len(ids)),
            "version": self.keys.version,
            "municipality": municipality,
        }

    def lookup(self, ids: Sequence[HashedId]) -> list[SubjectRef | None]:
        """As ``Vault.lookup``."""
        with self._open() as driver:
            return _look_up(driver, ids)

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
        rows = driver.execute(query).fetchall()
        if not rows:
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


def _look_up(driver: Driver, ids: Sequence[HashedId]) -> list[SubjectRef | None]:
    row = driver.execute(LOOKUP, {"count": len(ids), "hashes": _joined(ids)}).fetchone() if ids else None
    return [_reference(known) for known in row[0].split(" ")] if row else []


def _reference(known: str) -> SubjectRef | None:
    if known == ERASED.state:
        return ERASED
    return SubjectRef(known) if known else None


def _joined(ids: Sequence[HashedId]) -> bytes:
    return b"".join([one.id_hmac for one in ids])


VERSION_4 = bytes(octet & 0x0F | 0x40 for octet in range(256))
VARIANT = bytes(octet & 0x3F | 0x80 for octet in range(256))


def _random_uuids(count: int) -> bytes:
    """UUIDs of version 4 (RFC 9562), 16 bytes each, for those who turn out to be new.

    Made at one go: the server's own function costs more than all the rest of an insert.
    """
    octets = bytearray(os.urandom(16 * count))
    octets[6::16] = octets[6::16].translate(VERSION_4)
    octets[8::16] = octets[8::16].translate(VARIANT)
    return bytes(octets)
