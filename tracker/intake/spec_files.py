"""Spec files: one YAML per record type says what a delivery may hold; this reads and checks them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

import yaml

from tracker.domain.errors import NotFound, TrackerError
from tracker.domain.events import EventType
from tracker.domain.findings import Severity
from tracker.domain.spec import CellType, ColumnSpec, EventSpec, RecordSpec, RuleSpec
from tracker.intake.headers import fold

RECORD_TYPES = (
    "referrals",
    "investigations",
    "interventions",
    "follow_ups",
    "open_support",
    "open_support_counts",
    "child_facts",
    "municipality_facts",
)
"""Every record type, in the order of the sorting chain."""

CHECKS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "required": (1, 1),
        "not_before": (2, 2),
        "not_after_extract": (1, 1),
        "within_period": (1, 1),
        "range": (1, 1),
        "one_of_given": (2, 99),
        "implies": (2, 2),
        "age_at_most": (2, 2),
        "duplicate_source_id": (1, 1),
    }
)
"""Row checks a rule may name, with the fewest and most fields each takes."""

_CODED = {CellType.CODE, CellType.CODES}


class SpecError(TrackerError):
    """A spec file says something impossible; the message names file, place and what is wrong."""


def load_spec(record_type: str) -> RecordSpec:
    """The spec of one record type; raises ``NotFound`` for a name that is none."""
    specs = load_specs()
    if record_type not in specs:
        raise NotFound(f"there is no record type {record_type!r}; known are {', '.join(specs)}")
    return specs[record_type]


@cache
def load_specs() -> Mapping[str, RecordSpec]:
    """All record specs of the package by record type; raises ``SpecError`` for a faulty file."""
    folder = resources.files("tracker.intake").joinpath("specs")
    texts = {name: folder.joinpath(f"{name}.yaml").read_text(encoding="utf-8") for name in RECORD_TYPES}
    return MappingProxyType({name: parse_spec(text, f"{name}.yaml") for name, text in texts.items()})


@cache
def _shared_columns() -> Mapping[str, Mapping[str, Any]]:
    text = resources.files("tracker.intake").joinpath("shared_columns.yaml").read_text(encoding="utf-8")
    return MappingProxyType(yaml.load(text, Loader=yaml.CSafeLoader))


def parse_spec(text: str, file_name: str) -> RecordSpec:
    """A spec from YAML text; raises ``SpecError`` naming ``file_name`` and the place that is wrong."""
    try:
        # By libyaml, as in every wheel of PyYAML: each worker reads all specs before its first file.
        document = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise SpecError(f"{file_name}: not YAML: {error}") from error
    place = _Place(file_name)
    fields = place.mapping(document, _SPEC_KEYS, _SPEC_REQUIRED)
    columns = tuple(_column(entry, place.at(f"columns[{n}]")) for n, entry in enumerate(fields["columns"]))
    by_name = {column.name: column for column in columns}
    rules = tuple(_rule(entry, by_name, place.at(f"rules[{n}]")) for n, entry in enumerate(fields["rules"]))
    events = tuple(
        _event(entry, by_name, place.at(f"events[{n}]")) for n, entry in enumerate(fields["events"])
    )
    identity = _known(fields.get("identity", []), by_name, place.at("identity"))
    parts = {"columns": columns, "rules": rules, "events": events, "identity": identity}
    spec = RecordSpec(**{**fields, **parts})
    _check_whole(spec, place)
    return spec


_SPEC_REQUIRED = {
    "record_type",
    "label_sv",
    "label_en",
    "description_sv",
    "period_by",
    "columns",
    "rules",
    "events",
}
_SPEC_KEYS = _SPEC_REQUIRED | {"source_id", "identity", "person", "valid_from", "valid_to"}
_COLUMN_REQUIRED = {"name", "label_sv", "type", "description_sv", "example"}
_COLUMN_KEYS = _COLUMN_REQUIRED | {
    "required", "aliases", "codebook", "minimum", "maximum", "not_yet", "valid_from", "valid_to",
}  # fmt: skip
_RULE_REQUIRED = {"id", "check", "severity", "fields", "message_sv", "remedy_sv"}
_RULE_KEYS = _RULE_REQUIRED | {"parameters", "valid_from", "valid_to"}
_EVENT_REQUIRED = {"type", "on", "body"}
_EVENT_KEYS = _EVENT_REQUIRED | {"when"}


class _Place:
    """Where in which file; turns a complaint into a ``SpecError`` that can be acted on."""

    def __init__(self, where: str) -> None:
        self.where = where

    def at(self, part: str) -> _Place:
        return _Place(f"{self.where}: {part}")

    def demand(self, holds: object, complaint: str) -> None:
        if not holds:
            raise SpecError(f"{self.where}: {complaint}")

    def mapping(self, entry: Any, allowed: Collection[str], required: Collection[str]) -> dict[str, Any]:
        self.demand(isinstance(entry, dict), "a mapping was expected")
        self.demand(set(entry) <= set(allowed), f"unknown keys {sorted(set(entry) - set(allowed), key=str)}")
        self.demand(set(entry) >= set(required), f"missing keys {sorted(set(required) - set(entry))}")
        for key in ("valid_from", "valid_to"):
            self.demand(isinstance(entry.get(key), date | None), f"{key} must be a date (YYYY-MM-DD)")
        return dict(entry)


def _column(entry: Any, place: _Place) -> ColumnSpec:
    fields = place.mapping(_with_shared(entry, place), _COLUMN_KEYS, _COLUMN_REQUIRED)
    place = place.at(str(fields["name"]))
    place.demand(fields["type"] in list(CellType), f"unknown type {fields['type']!r}")
    kind = CellType(fields["type"])
    place.demand(
        (kind in _CODED) == bool(fields.get("codebook")), "codebook goes with type code or codes, only"
    )
    aliases, not_yet = (tuple(map(str, fields.get(key, ()))) for key in ("aliases", "not_yet"))
    place.demand(
        not not_yet or (kind is CellType.DATE and not fields.get("required")),
        "not_yet goes with type date, in a column that may be empty",
    )
    changed = {"type": kind, "aliases": aliases, "not_yet": not_yet, "example": str(fields["example"])}
    return ColumnSpec(**{**fields, **changed})


def _with_shared(entry: Any, place: _Place) -> Any:
    if not isinstance(entry, dict) or "same_as" not in entry:
        return entry
    name = entry["same_as"]
    place.demand(name in _shared_columns(), f"no shared column {name!r}")
    own = {key: value for key, value in entry.items() if key != "same_as"}
    return {"name": name, **_shared_columns()[name], **own}


def _rule(entry: Any, columns: Mapping[str, ColumnSpec], place: _Place) -> RuleSpec:
    fields = place.mapping(entry, _RULE_KEYS, _RULE_REQUIRED)
    place = place.at(str(fields["id"]))
    place.demand(fields["check"] in CHECKS, f"unknown check {fields['check']!r}")
    place.demand(fields["severity"] in list(Severity), f"unknown severity {fields['severity']!r}")
    names = _known(fields["fields"], columns, place)
    fewest, most = CHECKS[fields["check"]]
    place.demand(fewest <= len(names) <= most, f"{fields['check']} takes {fewest} to {most} fields")
    parameters = dict(fields.get("parameters", {}))
    if fields["check"] == "range":
        column = columns[names[0]]
        parameters = {"min": column.minimum, "max": column.maximum, **parameters}
    if fields["check"] == "age_at_most":
        place.demand(isinstance(parameters.get("years"), int), "age_at_most needs parameters: {years: …}")
    changed = {"severity": Severity(fields["severity"]), "fields": names, "parameters": parameters}
    return RuleSpec(**{**fields, **changed})


def _event(entry: Any, columns: Mapping[str, ColumnSpec], place: _Place) -> EventSpec:
    fields = place.mapping(entry, _EVENT_KEYS, _EVENT_REQUIRED)
    place.demand(fields["type"] in list(EventType), f"unknown event type {fields['type']!r}")
    _known([fields["on"]], columns, place)
    body = _known(fields["body"], columns, place)
    for name in body:
        kept = columns[name].type not in {CellType.CHILD_ID, CellType.TEXT}
        place.demand(kept, f"{name} must not be in an event: identities and free text are never kept")
    return EventSpec(fields["type"], fields["on"], body, _known(fields.get("when", []), columns, place))


def _known(names: Any, columns: Mapping[str, ColumnSpec], place: _Place) -> tuple[str, ...]:
    place.demand(isinstance(names, list), "a list of fields was expected")
    unknown = [name for name in names if name not in columns]
    place.demand(not unknown, f"no such columns: {unknown}")
    return tuple(names)


def _check_whole(spec: RecordSpec, place: _Place) -> None:
    place.demand(len(spec.by_name) == len(spec.columns), "two columns have the same name")
    place.demand(spec.period_by in spec.by_name, f"period_by {spec.period_by!r} is no column")
    place.demand(
        not spec.source_id or spec.source_id in spec.by_name, f"source_id {spec.source_id!r} is no column"
    )
    identifiers = [rule.id for rule in spec.rules]
    place.demand(len(set(identifiers)) == len(identifiers), "two rules have the same id")
    has_child = any(column.type is CellType.CHILD_ID for column in spec.columns)
    place.demand(has_child == spec.person, "a record about persons has a child column, an aggregate none")
    owner: dict[str, str] = {}
    for name, header in _accepted(spec):
        place.demand(owner.setdefault(fold(header), name) == name, f"header {header!r} means two columns")


def _accepted(spec: RecordSpec) -> Iterator[tuple[str, str]]:
    for column in spec.columns:
        for header in (column.name, column.label_sv, *column.aliases):
            yield column.name, header


@cache
def header_index(record_type: str) -> Mapping[str, tuple[str, int]]:
    """Folded header → (field, rank) of one record type; rank 0 is the label or field name itself."""
    index: dict[str, tuple[str, int]] = {}
    for column in load_spec(record_type).columns:
        for rank, header in enumerate((column.label_sv, column.name, *column.aliases)):
            index.setdefault(fold(header), (column.name, max(rank - 1, 0)))
    return MappingProxyType(index)
