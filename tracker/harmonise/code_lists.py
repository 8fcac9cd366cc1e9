"""Code lists as shipped: the CSV files of ``codebooks/`` read once, checked, and hashed.

``<codebook>.csv`` has the codes, ``spellings/<codebook>.csv`` the normalised spellings known for them,
``spellings/_not_given.csv`` wordings that say in any codebook that nothing is said, and
``crosswalks/*.csv`` relations to other classifications. See ``codebooks/README.md`` for the marks.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from tracker.domain.codes import Code
from tracker.harmonise.normalise import normalise

FOLDER = Path(__file__).parent / "codebooks"

_CODE_COLUMNS = ("code", "label_sv", "label_en", "group", "attested", "valid_from", "valid_to")


@dataclass(frozen=True)
class CodeLists:
    """The package's code lists: codes, further columns, and normalised spelling → codes, by codebook.

    The labels of a list are spellings of it. ``digest`` is a short hash of all lists and spellings.
    """

    lists: Mapping[str, Mapping[str, Code]]
    extras: Mapping[str, Mapping[str, Mapping[str, str]]]
    spellings: Mapping[str, Mapping[str, tuple[str, ...]]]
    digest: str


@dataclass(frozen=True)
class CrosswalkEntry:
    """One of our codes in another classification.

    ``relation`` says how the target stands to our code: exact, broader, narrower or related (SKOS).
    """

    code: str
    scheme: str
    target: str
    target_label: str
    relation: str
    source: str


@cache
def package_code_lists() -> CodeLists:
    """The code lists of the package."""
    return read_code_lists(FOLDER)


@cache
def crosswalk(name: str) -> tuple[CrosswalkEntry, ...]:
    """A crosswalk by file name without ``.csv``, as ``referral_reason_bufdir``."""
    return tuple(CrosswalkEntry(**row) for row in _rows(FOLDER / "crosswalks" / f"{name}.csv"))


def read_code_lists(folder: Path) -> CodeLists:
    """Read a folder of code lists; raises ``ValueError`` for a spelling of a code that does not exist."""
    files = sorted(folder.glob("*.csv"))
    rows = {path.stem: _rows(path) for path in files}
    lists = {name: MappingProxyType(_codes(of)) for name, of in rows.items()}
    not_given: dict[str, tuple[str, ...]] = {
        row["spelling"]: () for row in _rows(_spelling_file(folder, "_not_given"))
    }
    spellings = {name: not_given | _spellings(folder, name, codes) for name, codes in lists.items()}
    return CodeLists(
        MappingProxyType(lists),
        MappingProxyType({name: _extras(of) for name, of in rows.items()}),
        MappingProxyType({name: MappingProxyType(of) for name, of in spellings.items()}),
        _digest([*files, *sorted((folder / "spellings").glob("*.csv"))]),
    )


def _spelling_file(folder: Path, name: str) -> Path:
    return folder / "spellings" / f"{name}.csv"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _codes(rows: Iterable[Mapping[str, str]]) -> dict[str, Code]:
    return {row["code"]: _code(row) for row in rows}


def _code(row: Mapping[str, str]) -> Code:
    return Code(
        code=row["code"],
        label_sv=row["label_sv"],
        label_en=row["label_en"],
        group=row["group"],
        attested=row["attested"],
        valid_from=_day(row["valid_from"]),
        valid_to=_day(row["valid_to"]),
    )


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _extras(rows: Iterable[Mapping[str, str]]) -> dict[str, dict[str, str]]:
    return {row["code"]: {k: v for k, v in row.items() if k not in _CODE_COLUMNS} for row in rows}


def _spellings(folder: Path, name: str, codes: Mapping[str, Code]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {normalise(code.label_sv): (code.code,) for code in codes.values()}
    found |= {code.casefold(): (code,) for code in codes if normalise(code) == code.casefold()}
    path = _spelling_file(folder, name)
    for row in _rows(path) if path.exists() else ():
        found[row["spelling"]] = tuple(row["codes"].split(";")) if row["codes"] else ()
    for spelling, targets in found.items():
        if unknown := [target for target in targets if target not in codes]:
            raise ValueError(f"{path.name}: {spelling!r} is given codes that do not exist: {unknown}")
    return found


def _digest(files: Iterable[Path]) -> str:
    digest = sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
