"""The children a column names: which identity each cell is, and which subject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import compress

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

    @property
    def of_row(self) -> list[Identity | None]:
        """The identity of each row that can be followed over time; None for the others."""
        return self.cells.spread([one if self._followed(one) else None for one in self.identities])

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
        usable = [rows.usable(row) for row in range(len(of_row))]
        wanted = sorted(set(compress(of_row, usable)) & self._places())
        refs = vault.subjects_for([self._hashed(place, keys) for place in wanted], self.note.municipality)
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
        refs = vault.lookup([self._hashed(place, keys) for place in places])
        gone = {
            place for place, ref in zip(places, refs, strict=True) if ref and ref.state is SubjectState.ERASED
        }
        return [row for row, place in enumerate(self.cells.of_row) if place in gone] if gone else []

    def _places(self) -> set[int]:
        return {place for place, one in enumerate(self.identities) if self._followed(one)}

    def _followed(self, identity: Identity | None) -> bool:
        if isinstance(identity, LocalId):
            return self.note.stable_child_ids
        return isinstance(identity, NationalId)

    def _hashed(self, place: int, keys: IdentityKeys) -> HashedId:
        identity = self.identities[place]
        assert isinstance(identity, NationalId | LocalId)
        hashed = keys.hash(identity, self.note.municipality, self.note.system)
        return HashedId(hashed, kind_of(identity))

    def _quarantine_broken(self, rows: Rows) -> None:
        broken = [isinstance(one, Invalid) and one.reason in BROKEN for one in self.identities]
        for row in self.cells.rows_where(broken) if any(broken) else ():
            one = self.identities[self.cells.of_row[row]]
            if isinstance(one, Invalid) and row not in rows.set_aside:
                rows.quarantine(row, BROKEN[one.reason], self.name, one.shape)

    def _remark_doubtful(self, rows: Rows) -> None:
        on = self.note.extracted_on
        doubts: list[tuple[IdentityRule, list[bool]]] = [
            (
                IdentityRule.NO_DIGITS,
                [isinstance(one, Invalid) and one.reason is Reason.NO_DIGITS for one in self.identities],
            ),
            (
                IdentityRule.NOT_STABLE,
                [isinstance(one, LocalId) and not self._followed(one) for one in self.identities],
            ),
            (
                IdentityRule.ADULT,
                [
                    isinstance(one, NationalId) and age_on(one.birth_date, on) > ADULT_AGE
                    for one in self.identities
                ],
            ),
        ]
        for rule, chosen in doubts:
            if any(chosen):
                found = [row for row in self.cells.rows_where(chosen) if rows.usable(row)]
                rows.remark(found, OTHER[rule], self.name)


def _identity(cell: Value, on: date) -> Identity | None:
    assert not isinstance(cell, tuple), "a cell names one child"
    return normalise(cell, on)
