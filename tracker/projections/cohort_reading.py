"""A cohort declared in YAML, read strictly: what is not understood is refused, with what is allowed.

Every scalar is read as text and typed here, so that a municipality 0114 stays a code and ``no`` a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import yaml

from tracker.domain.errors import UsageError
from tracker.projections.cohort_sources import sources
from tracker.projections.cohort_spec import (
    CHAIN_RECORDS,
    At,
    CohortSpec,
    Condition,
    Covariate,
    Entry,
    Event,
    Exclusion,
    Exits,
    NextEntry,
    Which,
)

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_COLUMN = re.compile(r"[a-z][a-z0-9_]*")
_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)")
_TAKEN = frozenset(
    [
        *("subject_id", "episode", "spell", "state", "entered_on", "entered_step", "left_on", "left_step"),
        *("to_state", "exit", "left_assumed", "state_entered_on", "episode_entered_on", "origin_on"),
        *("birth_month", "entry", "part", "flow", "day", "step", "count"),
    ]
)
"""Names a covariate cannot have: columns of study spells and of flow tables."""

_DEFAULT_WHICH = {Event.OBSERVED: Which.FIRST, Event.FIRST_REFERRAL: Which.FIRST}

T = TypeVar("T")
Word = TypeVar("Word", bound=StrEnum)


def read_cohort(path: Path) -> CohortSpec:
    """The cohort declared in a YAML file. Raises UsageError saying where and what is allowed."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"There is no cohort file {path}.") from None
    except (UnicodeDecodeError, OSError):
        raise UsageError(f"The cohort file {path} cannot be read as UTF-8 text.") from None
    return parse_cohort(text, path.name)


def parse_cohort(text: str, name: str = "cohort") -> CohortSpec:
    """The cohort declared in YAML text; ``name`` is what messages call it. Raises UsageError."""
    try:
        content = yaml.load(text, _TextOnly)
    except yaml.YAMLError as wrong:
        raise UsageError(f"{name} is not YAML: {' '.join(str(wrong).split())}.") from wrong
    return _cohort(_Part(name, content))


def broken_down_by(spec: CohortSpec, names: Sequence[str]) -> CohortSpec:
    """The cohort broken down by these covariates in place of its own; sources not declared are added.

    Raises UsageError for a name that is neither, or a number without cuts.
    """
    declared = {covariate.name: covariate for covariate in spec.covariates}
    wanted = tuple(dict.fromkeys(names))
    if unknown := [name for name in wanted if name not in declared and name not in sources()]:
        known = dict.fromkeys([*declared, *sources()])
        raise UsageError(f"Unknown by {', '.join(unknown)}; choose among {', '.join(known)}.")
    added = tuple(Covariate(name, name) for name in wanted if name not in declared)
    for covariate in (*added, *(declared[name] for name in wanted if name in declared)):
        if sources()[covariate.source].number and not covariate.cuts:
            raise UsageError(
                f"«{covariate.name}» is a number: declare it with cuts in the cohort to break down by it."
            )
    return replace(spec, covariates=spec.covariates + added, by=wanted)


class _TextOnly(yaml.BaseLoader):
    """Text, lists and mappings; a key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise yaml.constructor.ConstructorError(
                None, None, f"given twice: {', '.join(map(str, twice))}", node.start_mark
            )
        return super().construct_mapping(node, deep)


@dataclass(frozen=True)
class _Part:
    """A piece of the declaration and where it stands, so that every refusal says where."""

    place: str
    content: Any

    def refuse(self, said: str) -> NoReturn:
        raise UsageError(f"{self.place}: {said}.")

    def mapping(self, *allowed: str, required: Sequence[str] = ()) -> Mapping[str, _Part]:
        """The parts by key; only ``allowed`` keys (any, if none are named)."""
        if not isinstance(self.content, dict):
            self.refuse(f"takes {', '.join(allowed) if allowed else 'names with values'}")
        if allowed and (unknown := [str(key) for key in self.content if key not in allowed]):
            self.refuse(f"unknown {', '.join(unknown)}; it takes {', '.join(allowed)}")
        if missing := [key for key in required if key not in self.content]:
            self.refuse(f"lacks {', '.join(missing)}")
        return {str(key): _Part(f"{self.place}: {key}", value) for key, value in self.content.items()}

    def items(self) -> list[_Part]:
        """The entries of a list; one entry may stand alone."""
        found = self.content if isinstance(self.content, list) else [self.content]
        return [_Part(self.place, item) for item in found]

    def text(self) -> str:
        if not isinstance(self.content, str) or not self.content.strip():
            self.refuse("takes one value")
        return self.content.strip()

    def texts(self) -> tuple[str, ...]:
        return tuple(item.text() for item in self.items())

    def named(self, pattern: re.Pattern[str]) -> str:
        value = self.text()
        if not pattern.fullmatch(value):
            self.refuse(f"«{value}» is no name; names are lower-case letters, digits and _, a letter first")
        return value

    def number(self) -> int:
        value = self.text()
        if not re.fullmatch(r"\d+", value):
            self.refuse(f"«{value}» is no whole number of zero or more")
        return int(value)

    def day(self) -> date:
        value = self.text()
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.refuse(f"«{value}» is no date such as 2025-07-01")

    def word(self, words: type[Word]) -> Word:
        value = self.text()
        if value not in tuple(words):
            self.refuse(f"«{value}» is unknown; it is one of {', '.join(words)}")
        return words(value)

    def source(self) -> str:
        value = self.text()
        if value not in sources():
            self.refuse(f"«{value}» is unknown; there are {', '.join(sources())}")
        return value


def _optional(parts: Mapping[str, _Part], key: str, read: Callable[[_Part], T], otherwise: T) -> T:
    return read(parts[key]) if key in parts else otherwise


def _cohort(part: _Part) -> CohortSpec:
    parts = part.mapping(
        *("name", "question", "entry", "eligibility", "exclusions", "exits", "covariates", "by"),
        required=("name", "entry"),
    )
    spec = CohortSpec(
        name=parts["name"].named(_NAME),
        entry=_entry(parts["entry"]),
        question=_optional(parts, "question", _Part.text, ""),
        eligibility=_optional(parts, "eligibility", _conditions, ()),
        exclusions=_optional(parts, "exclusions", _exclusions, ()),
        exits=_optional(parts, "exits", _exits, Exits()),
        covariates=_optional(parts, "covariates", _covariates, ()),
    )
    _check_window(spec, part)
    try:
        return broken_down_by(spec, _optional(parts, "by", _Part.texts, ()))
    except UsageError as wrong:
        raise UsageError(f"{part.place}: {wrong}") from wrong


def _entry(part: _Part) -> Entry:
    parts = part.mapping(
        *("event", "which", "state", "from", "to", "washout_days", "covered_days_before", "coverage"),
        required=("event",),
    )
    event = parts["event"].word(Event)
    if ("state" in parts) != (event is Event.STATE_ENTERED):
        part.refuse(f"a state is named with the event {Event.STATE_ENTERED}, and with no other")
    if "which" in parts and event in _DEFAULT_WHICH:
        part.refuse(f"{event} is a child's first by its nature; leave out «which»")
    return Entry(
        event,
        _optional(parts, "which", lambda p: p.word(Which), _DEFAULT_WHICH.get(event, Which.EACH)),
        _optional(parts, "state", _Part.text, ""),
        _optional(parts, "from", _Part.day, None),
        _optional(parts, "to", _Part.day, None),
        _optional(parts, "washout_days", _Part.number, 0),
        _optional(parts, "covered_days_before", _Part.number, 0),
        _optional(parts, "coverage", _Part.texts, CHAIN_RECORDS),
    )


def _conditions(part: _Part) -> tuple[Condition, ...]:
    return tuple(_condition(key, value) for key, value in part.mapping().items())


def _condition(key: str, part: _Part) -> Condition:
    source = _Part(part.place, key).source()
    texts = part.texts()
    found = [_RANGE.fullmatch(text) for text in texts]
    ranges = tuple((int(match[1]), int(match[2])) for match in found if match)
    values = tuple(text for text, match in zip(texts, found, strict=True) if not match)
    if not texts:
        part.refuse("takes at least one value")
    if not sources()[source].number:
        return Condition(source, texts)
    if wrong := [value for value in values if value != "unknown" and not re.fullmatch(r"-?\d+", value)]:
        part.refuse(f"«{wrong[0]}» is neither a number, a range such as 0..17, nor unknown")
    if any(low > high for low, high in ranges):
        part.refuse("a range goes from the lower to the higher number")
    return Condition(source, values, ranges)


def _exclusions(part: _Part) -> tuple[Exclusion, ...]:
    return tuple(_exclusion(item) for item in part.items())


def _exclusion(part: _Part) -> Exclusion:
    parts = part.mapping("name", "where", required=("name", "where"))
    return Exclusion(parts["name"].text(), _conditions(parts["where"]))


def _exits(part: _Part) -> Exits:
    parts = part.mapping("horizon_days", "last_day", "until", "censor", "next_entry")
    return Exits(
        _optional(parts, "horizon_days", _Part.number, None),
        _optional(parts, "last_day", _Part.day, None),
        _optional(parts, "until", _Part.texts, ()),
        _optional(parts, "censor", _Part.texts, ()),
        _optional(parts, "next_entry", lambda p: p.word(NextEntry), NextEntry.ENDS),
    )


def _covariates(part: _Part) -> tuple[Covariate, ...]:
    return tuple(_covariate(key, value) for key, value in part.mapping().items())


def _covariate(key: str, part: _Part) -> Covariate:
    if not _COLUMN.fullmatch(key) or key in _TAKEN or key.startswith("stay_"):
        part.refuse("cannot be the name of a covariate: it is taken, or not lower-case letters, digits and _")
    given = {} if part.content == "" else part.mapping("source", "at", "cuts", "categories", "rest")
    source = given["source"].source() if "source" in given else _Part(part.place, key).source()
    covariate = Covariate(
        key,
        source,
        _optional(given, "at", lambda p: p.word(At), At.ENTRY),
        _optional(given, "cuts", _cuts, ()),
        _optional(given, "categories", _categories, ()),
        _optional(given, "rest", _Part.text, ""),
    )
    _check_covariate(covariate, part)
    return covariate


def _cuts(part: _Part) -> tuple[int, ...]:
    cuts = tuple(item.number() for item in part.items())
    if not cuts or sorted(set(cuts)) != list(cuts):
        part.refuse("takes rising whole numbers, each the first of its level: [0, 3, 6]")
    return cuts


def _categories(part: _Part) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found = tuple((level, codes.texts()) for level, codes in part.mapping().items())
    codes = [code for _, several in found for code in several]
    if twice := sorted({code for code in codes if codes.count(code) > 1}):
        part.refuse(f"in two levels: {', '.join(twice)}")
    return found


def _check_covariate(covariate: Covariate, part: _Part) -> None:
    source = sources()[covariate.source]
    if covariate.cuts and not source.number:
        part.refuse(f"{covariate.source} is no number; levels are grouped by categories")
    if (covariate.categories or covariate.rest) and source.number:
        part.refuse(f"{covariate.source} is a number; levels are made by cuts")
    if covariate.rest and not covariate.categories:
        part.refuse("rest is what categories leave unnamed; there are none")
    if covariate.at is At.TIME_VARYING and not source.by_day:
        varying = [name for name, one in sources().items() if one.by_day]
        part.refuse(f"{covariate.source} does not vary with time; {', '.join(varying)} do")


def _check_window(spec: CohortSpec, part: _Part) -> None:
    entry, last_day = spec.entry, spec.exits.last_day
    if entry.first and entry.last and entry.last < entry.first:
        part.refuse(f"the window ends ({entry.last}) before it begins ({entry.first})")
    if last_day and (entry.last is None or entry.last > last_day):
        part.refuse(f"children are followed to {last_day}: they have to enter by then (entry: to)")
