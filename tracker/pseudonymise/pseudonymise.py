"""Claims become PseudonymousClaims: every identity is replaced, and after this nobody has it any more.

Numbers are one subject in the whole country; local ids one within municipality and system, and only
where the system is declared to keep them. What cannot be used stops its own row and no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracker.domain.delivery import Claims, PseudonymousClaims, Value
from tracker.pseudonymise.columns import columns_without_identities
from tracker.pseudonymise.keyring import Keyring
from tracker.pseudonymise.local_ids import quarantine_shared_ids
from tracker.pseudonymise.people import People
from tracker.pseudonymise.rows import Rows
from tracker.pseudonymise.vault import SubjectSource, Vault

CHILD, PREVIOUS_CHILD, BIRTH_DATE = "child", "previous_child", "birth_date"


def pseudonymise(claims: Claims, keyring: Keyring, vault: SubjectSource) -> PseudonymousClaims:
    """Replace identities by random subjects and source ids by keyed hashes; drop free text.

    Rows with an unusable id, a local id two children share, or a number in a text are quarantined;
    rows about an erased child are set aside; rows without an id keep subject None. The birth date of a
    personal number fills an empty ``birth_date`` (never that of a co-ordination number, which states
    what the applicant said). Findings and errors hold shapes, never values.
    """
    rows = Rows(claims)
    people = {name: People.read(rows, name) for name in (PREVIOUS_CHILD, CHILD) if name in claims.columns}
    if CHILD in people:
        quarantine_shared_ids(rows, people[CHILD])
    columns = columns_without_identities(rows, keyring.references)
    if CHILD in people and BIRTH_DATE in claims.spec.by_name:
        columns[BIRTH_DATE] = _birth_dates(columns.get(BIRTH_DATE), people[CHILD])
    subjects = {name: one.subjects(rows, keyring.identities, vault) for name, one in people.items()}
    return PseudonymousClaims(
        note=claims.note,
        spec=claims.spec,
        sheet=claims.sheet,
        row_numbers=claims.row_numbers,
        subjects=subjects.get(CHILD, [None] * len(rows)),
        columns=columns,
        linked_subjects=_links(subjects),
        quarantined=rows.quarantined,
        set_aside=rows.set_aside,
        findings=rows.findings,
    )


def rows_about_erased(claims: Claims, keyring: Keyring, vault: Vault) -> list[int]:
    """Numbers of the rows that name a child the vault knows as erased. Nothing is made or changed."""
    rows = Rows(claims)
    people = [People.read(rows, name) for name in (PREVIOUS_CHILD, CHILD) if name in claims.columns]
    found = {row for one in people for row in one.erased(keyring.identities, vault)}
    return sorted(claims.row_numbers[row] for row in found)


def _birth_dates(delivered: Sequence[Value] | None, people: People) -> list[Value]:
    """The delivered birth dates, empty ones filled from the numbers."""
    said = people.birth_dates()
    if delivered is None:
        return list(said)
    return [number if given is None else given for given, number in zip(delivered, said, strict=True)]


def _links(subjects: Mapping[str, Sequence[str | None]]) -> dict[int, str]:
    """By row, the subject of an earlier number, where it is another than the child's own."""
    if CHILD not in subjects or PREVIOUS_CHILD not in subjects:
        return {}
    pairs = enumerate(zip(subjects[CHILD], subjects[PREVIOUS_CHILD], strict=True))
    return {row: before for row, (now, before) in pairs if now and before and now != before}
