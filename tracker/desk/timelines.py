"""One child's timeline, by subject id or by an identity typed in."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import date
from typing import Any

from tracker.domain.errors import NotFound, UsageError
from tracker.postgres.log_reading import child_reader, declared_deliveries
from tracker.postgres.vault import PostgresVault
from tracker.projections.coverage import Declared, Seen
from tracker.projections.evolve import evolve
from tracker.pseudonymise.keyring import kind_of
from tracker.pseudonymise.national_id import Invalid, LocalId, normalise
from tracker.pseudonymise.vault import HashedId
from tracker.wiring import Installation, keyring

_SUBJECT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

TIMELINE_COLUMNS = {
    "entries": ("occurred_on", "type", "municipality", "codes", "unmapped", "position"),
    "links": ("kind", "from_id", "to_id", "method", "candidates"),
    "spells": ("episode", "state", "entered_on", "left_on", "to_state", "exit", "municipality"),
}


def show(subject_id: str, place: Installation, position: int) -> dict[str, Any]:
    """The timeline as of a position, ready to print; raises ``NotFound`` for a subject without events.

    Raises ``UsageError`` for what is no subject id, without repeating it: it may be an identity.
    """
    if not _SUBJECT_ID.fullmatch(subject_id):
        raise UsageError("a subject id looks like 0b6f4c3e-…; an identity is looked up with --lookup")
    with child_reader(place.url) as reader:
        events = reader.events(subject_id, position)
        ids = reader.churning_ids(events, position)
    if not events:
        raise NotFound(f"no events of subject {subject_id} up to position {position}")
    seen = Seen(declared(place.url, position))
    made = evolve(subject_id, events, place.codebooks(), seen, ids=ids)
    return {
        "subject_id": subject_id,
        "position": position,
        "sex": made.sex,
        "entries": [_entry(asdict(entry)) for entry in made.entries],
        "links": [asdict(link) for link in made.links],
        "spells": [asdict(spell) for spell in made.spells],
    }


def lookup(raw: str, municipality: str, system: str, place: Installation, today: date) -> str:
    """The subject of an identity; it is not kept, printed or logged. Raises without repeating it."""
    identity = normalise(raw.strip(), today)
    if identity is None or isinstance(identity, Invalid):
        raise UsageError("what was read from standard input is no usable identity")
    if isinstance(identity, LocalId) and not (municipality and system):
        raise UsageError(
            "a local id belongs to a municipality and a system: --municipality 0180 --system NAME"
        )
    keys = keyring(place.settings).identities
    hashed = HashedId(keys.hash(identity, municipality, system), kind_of(identity))
    found = PostgresVault(place.url, keys).lookup([hashed])[0]
    if found is None or found.subject_id is None:
        raise NotFound("nobody with that identity is in the register")
    return found.subject_id


def declared(url: str, position: int) -> list[Declared]:
    """What deliveries up to a position said of themselves."""
    return [
        Declared(
            event.delivery_no,
            event.municipality,
            event.record_type,
            date.fromisoformat(event.body["period_from"]),
            date.fromisoformat(event.body["period_to"]),
            event.body["full"],
            date.fromisoformat(event.body["extracted_on"]),
            event.body["system"],
            event.body["not_opened_complete"],
        )
        for event in declared_deliveries(url, position)
    ]


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    for name in ("codes", "unmapped"):
        said = {field: ", ".join(values) for field, values in entry[name].items() if values}
        entry[name] = "; ".join(f"{field}={values}" for field, values in said.items())
    return entry
