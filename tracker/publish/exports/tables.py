"""The tables of an export, every column with its label in two languages, its unit and its codes.

``columns.csv`` declares the columns (``table.column`` where tables differ), ``levels.csv`` the lists of codes
that no codebook has. A column of codes is a category whose levels stand in the order of their list.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import pandas as pd
import pyarrow as pa

from tracker.harmonise.codebook import Codebooks
from tracker.projections.cohort import StudyCohort

MISSING = "missing"
"""The list of levels that any column of codes may have besides its own: why there is no value."""


@dataclass(frozen=True)
class Level:
    """One code of a column. ``number`` stands for it where a format labels numbers only."""

    number: int
    code: str
    label_sv: str
    label_en: str


@dataclass(frozen=True)
class Column:
    """What a column holds.

    ``kind``: id, number, code (one of ``levels``), codes (several of them in one text), flag, date, month,
    time or text.
    """

    name: str
    kind: str
    unit: str
    label_sv: str
    label_en: str
    meaning: str
    levels: tuple[Level, ...] = ()

    def label(self, language: str) -> str:
        """The label in ``sv`` or ``en``."""
        return self.label_sv if language == "sv" else self.label_en


@dataclass(frozen=True)
class Table:
    """One data file to be: ``name`` its path without suffix, ``schema`` that of a standard."""

    name: str
    frame: pd.DataFrame
    columns: tuple[Column, ...]
    schema: pa.Schema | None = None


def described(name: str, frame: pd.DataFrame, cohort: StudyCohort | None = None) -> Table:
    """The table with its columns described, those of codes made categories."""
    columns = [_column(name, str(column), frame[column], cohort) for column in frame.columns]
    coded = {
        one.name: pd.Categorical(frame[one.name], [level.code for level in one.levels])
        for one in columns
        if one.kind == "code"
    }
    return Table(name, frame.assign(**coded), tuple(columns))


def only_seen(table: Table, name: str, always: Collection[str] = ()) -> Table:
    """The table with the levels of a column cut down to those that occur: what R makes states of."""
    (column,) = (one for one in table.columns if one.name == name)
    seen = {*table.frame[name].dropna(), *always}
    levels = tuple(level for level in column.levels if level.code in seen)
    codes = table.frame[name].cat.set_categories([level.code for level in levels])
    columns = tuple(replace(one, levels=levels) if one is column else one for one in table.columns)
    return replace(table, frame=table.frame.assign(**{name: codes}), columns=columns)


def lists() -> Mapping[str, Sequence[Level]]:
    """Every list of codes, by name: the codebooks' and our own."""
    return _lists()


@cache
def _lists() -> dict[str, list[Level]]:
    found: dict[str, list[Level]] = {}
    for row in _rows("levels.csv"):
        of = found.setdefault(row["list"], [])
        of.append(Level(len(of) + 1, row["code"], row["label_sv"], row["label_en"]))
    end = [replace(one, number=0) for one in found["end"]]
    found["end"] = [*end, *found["state"]]
    for name, codes in Codebooks.load().lists.items():
        found[name] = [
            Level(number, one.code, one.label_sv, one.label_en)
            for number, one in enumerate(codes.values(), start=1)
        ]
    return found


@cache
def _declared() -> dict[str, Mapping[str, str]]:
    return {row["column"]: row for row in _rows("columns.csv")}


def _rows(name: str) -> list[dict[str, str]]:
    text = files("tracker.publish.exports").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _column(table: str, name: str, values: pd.Series, cohort: StudyCohort | None) -> Column:
    declared = _declared().get(f"{table}.{name}") or _declared().get(name)
    covariates = {one.name: one.source for one in cohort.spec.covariates} if cohort is not None else {}
    if name in covariates and not (declared and declared["kind"] == "text"):
        return _covariate(name, covariates[name], values)
    if declared is None:
        raise KeyError(f"columns.csv says nothing of the column {name} of {table}")
    levels: tuple[Level, ...] = ()
    if declared["kind"] in ("code", "codes"):
        levels = _levels(declared["list"], values if declared["kind"] == "code" else values.iloc[:0])
    return Column(
        name,
        declared["kind"],
        declared["unit"],
        declared["label_sv"],
        declared["label_en"],
        declared["meaning"],
        levels,
    )


def _covariate(name: str, source: str, values: pd.Series) -> Column:
    """A covariate of the cohort: a number, or the codes of its source and what the cohort made of them."""
    told = _declared().get(source)
    sv, en = (told["label_sv"], told["label_en"]) if told else (source, source)
    if name != source:
        sv, en = f"{name} ({sv})", f"{name} ({en})"
    meaning = f"Covariate of the cohort, from {source}."
    if pd.api.types.is_numeric_dtype(values):
        return Column(name, "number", told["unit"] if told else "", sv, en, meaning)
    return Column(name, "code", "", sv, en, meaning, _levels(told["list"] if told else "", values))


def _levels(of: str, values: pd.Series) -> tuple[Level, ...]:
    """The levels of a list in its order; codes it does not have follow, then those that say why none is."""
    known = list(lists().get(of, ()))
    codes = {level.code for level in known}
    missing = {level.code: level for level in lists()[MISSING]}
    seen = sorted({str(value) for value in values.dropna().unique()} - codes, key=_natural)
    ours = [code for code in seen if code not in missing]
    last = max((level.number for level in known), default=0)
    further = [Level(last + n, code, code, code) for n, code in enumerate(ours, start=1)]
    absent = [replace(missing[code], number=900 + missing[code].number) for code in seen if code in missing]
    return (*known, *further, *sorted(absent, key=lambda level: level.number))


def _natural(text: str) -> tuple[int, str]:
    figures = text.partition("-")[0].rstrip("+")
    return (int(figures) if figures.isdecimal() else 0, text)
