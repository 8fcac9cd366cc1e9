"""Two people with one local id: told by what the same file says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracker.domain.delivery import Value
from tracker.harmonise.codebook import Codebooks
from tracker.pseudonymise.identity_rules import OTHER, IdentityRule
from tracker.pseudonymise.people import People
from tracker.pseudonymise.rows import Rows

FACTS = ("birth_date", "sex")
"""What one child has one of. Sex counts by its code: ``F`` and ``Flicka`` are no contradiction."""


def quarantine_shared_ids(rows: Rows, people: People) -> None:
    """Quarantine every row of a local id that has two birth dates or two sexes in this file."""
    local_ids = people.local_ids()
    rows_of: dict[str, list[int]] = {}
    for row, place in enumerate(people.cells.of_row) if local_ids else ():
        if place in local_ids and rows.usable(row):
            rows_of.setdefault(local_ids[place], []).append(row)
    several = {key: found for key, found in rows_of.items() if len(found) > 1}
    if not several:
        return
    facts = _facts(rows)
    for found in several.values():
        differing = [fact for fact, known in facts.items() if len({known[row] for row in found} - {None}) > 1]
        for row in found if differing else ():
            rows.quarantine(row, OTHER[IdentityRule.TWO_PEOPLE], people.name, _shape(differing))


def _facts(rows: Rows) -> Mapping[str, Sequence[Value]]:
    columns = {fact: rows.claims.columns[fact] for fact in FACTS if fact in rows.claims.columns}
    if "sex" in columns:
        codes: dict[Value, str | None] = {}
        books = Codebooks.load()
        for wording in set(columns["sex"]):
            reading = books.read("sex", str(wording or ""))
            codes[wording] = reading.codes[0] if len(reading.codes) == 1 else None
        columns["sex"] = [codes[wording] for wording in columns["sex"]]
    return columns


def _shape(differing: Sequence[str]) -> str:
    labels = {"birth_date": "födelsedatum", "sex": "kön"}
    return "olika " + " och ".join(labels[fact] for fact in differing)
