"""The children a column names: which identity each cell is, and which subject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import compress
from typing import cast

from tracker.domain.delivery import DeliveryNote, Value
from tracker.domain.periods import age_on
from tracker.pseudonymise.identity_rules import BROKEN, ERASED, OTHER, IdentityRule
from tracker.pseudonymise.keyring import IdentityKeys, kind_of
from tracker.pseudonymise.national_id import (
    Identity,
    IdKind,
    Invalid,
    LocalId,
    NationalId,
    Reason,
    normalise,
)
from tracker.pseudonymise.rows import Factor, Rows
from tracker.pseudonymise.vault import HashedId, SubjectSource, SubjectState, Vault

ADULT_AGE = 25
"""Above this age on the day of extraction a number is worth a second look (social services: to 20)."""


@dataclass(frozen=True)
class People:
    """A column of child ids, read: ``identities`` has one entry a different cell."""

    name: str
    note: DeliveryNote
    cells: Factor[Value] = field(repr=False)
    identities: Sequence[Identity | None]

    @classmethod
    def read(cls, rows: Rows, name: str) -> People:
        """Read the column ``name``, quarantining rows with broken ids and remarking on doubtful ones."""
        note = rows.claims.note
        cells = Factor.of(rows.claims.columns[name])
        people = cls(name, note, cells, [_identity(cell, note.extracted_on) for cell in cells.cells])
        people._quarantine_broken(rows)
        people._remark_doubtful(rows)
        return people

    def local_ids(self) -> dict[int, str]:
        """The local ids that can be followed over time, by their place among the different cells."""
        if not (self.note.stable_child_ids and LocalId in self._kinds):
            return {}
        return {place: one.id for place, one in enumerate(self.identities) if isinstance(one, LocalId)}

    def birth_dates(self) -> list[date | None]:
        """For each row the birth date a personal number says; a co-ordination number's may be wrong."""
        return self.cells.spread(
            [
                one.birth_date if isinstance(one, NationalId) and one.kind is IdKind.PNR else None
                for one in self.identities
            ]
        )

    def subjects(self, rows: Rows, keys: IdentityKeys, vault: SubjectSource) -> list[str | None]:
        """The subject of each usable row, made where it is new; rows about the erased are set aside."""
        of_row = self.cells.of_row
        usable = rows.all_usable()
        wanted = sorted(set(compress(of_row, usable)) & self._places())
        refs = vault.subjects_for(self._hashed(wanted, keys), self.note.municipality)
        known = dict(zip(wanted, refs, strict=True))
        erased = {place for place, ref in known.items() if ref.state is SubjectState.ERASED}
        if erased:
            for row, place in enumerate(of_row):
                if place in erased and rows.usable(row):
                    rows.put_aside(row, ERASED)
        known_subjects = map({place: ref.subject_id for place, ref in known.items()}.get, of_row)
        return [subject if use else None for subject, use in zip(known_subjects, usable, strict=True)]

    def erased(self, keys: IdentityKeys, vault: Vault) -> list[int]:
        """Rows about children the vault knows as erased, whatever else stopped them."""
        places = sorted(self._places())
        refs = vault.lookup(self._hashed(places, keys))
        gone = {
            place for place, ref in zip(places, refs, strict=True) if ref and ref.state is SubjectState.ERASED
        }
        return [row for row, place in enumerate(self.cells.of_row) if place in gone] if gone else []

    @cached_property
    def _kinds(self) -> set[type]:
        """Kinds of identities in the column: most have one, and nothing to be said of the others."""
        return set(map(type, self.identities))

    def _places(self) -> set[int]:
        """Places of identities that can be followed over time."""
        followed = (NationalId, LocalId) if self.note.stable_child_ids else NationalId
        return {place for place, one in enumerate(self.identities) if isinstance(one, followed)}

    def _hashed(self, places: Sequence[int], keys: IdentityKeys) -> list[HashedId]:
        found = cast("list[NationalId | LocalId]", [self.identities[place] for place in places])
        hashes = keys.hash_all(found, self.note.municipality, self.note.system)
        return list(map(HashedId, hashes, map(kind_of, found)))

    def _quarantine_broken(self, rows: Rows) -> None:
        if Invalid not in self._kinds:
            return
        broken = [isinstance(one, Invalid) and one.reason in BROKEN for one in self.identities]
        for row in self.cells.rows_where(broken):
            one = self.identities[self.cells.of_row[row]]
            if isinstance(one, Invalid) and row not in rows.set_aside:
                rows.quarantine(row, BROKEN[one.reason], self.name, one.shape)

    def _remark_doubtful(self, rows: Rows) -> None:
        doubts: dict[IdentityRule, list[bool]] = {}
        if Invalid in self._kinds:
            doubts[IdentityRule.NO_DIGITS] = [
                isinstance(one, Invalid) and one.reason is Reason.NO_DIGITS for one in self.identities
            ]
        if LocalId in self._kinds and not self.note.stable_child_ids:
            doubts[IdentityRule.NOT_STABLE] = [isinstance(one, LocalId) for one in self.identities]
        if NationalId in self._kinds:
            on = self.note.extracted_on
            doubts[IdentityRule.ADULT] = [
                isinstance(one, NationalId)
                and on.year - one.birth_date.year > ADULT_AGE  # of most the year says enough
                and age_on(one.birth_date, on) > ADULT_AGE
                for one in self.identities
            ]
        for rule, chosen in doubts.items():
            if any(chosen):
                found = [row for row in self.cells.rows_where(chosen) if rows.usable(row)]
                rows.remark(found, OTHER[rule], self.name)


def _identity(cell: Value, on: date) -> Identity | None:
    assert not isinstance(cell, tuple), "a cell names one child"
    return normalise(cell, on)
