"""File rules: what can be wrong with a whole file, and what to tell the sender."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, TypedDict, Unpack

import yaml

from tracker.domain.errors import RejectedFile
from tracker.domain.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class FileRule:
    """One rule about a file: its severity and its Swedish texts, which may name values in braces."""

    id: str
    severity: Severity
    message: str
    remedy: str


class Place(TypedDict, total=False):
    """Where in the file a finding stands; the keys are those of ``Finding``."""

    sheet: str
    row: int | None
    column: str
    fields: tuple[str, ...]
    count: int


@cache
def file_rules() -> Mapping[str, FileRule]:
    """Every file rule by id."""
    text = resources.files("tracker.intake").joinpath("file_rules.yaml").read_text(encoding="utf-8")
    return MappingProxyType(
        {
            name: FileRule(name, Severity(entry["severity"]), entry["message"], entry["remedy"])
            for name, entry in yaml.safe_load(text).items()
        }
    )


def finding(rule_id: str, values: Mapping[str, str | int] | None = None, **place: Unpack[Place]) -> Finding:
    """The finding of a file rule, its texts filled with ``values`` (``found``, ``expected`` and others)."""
    rule, values = file_rules()[rule_id], values or {}
    return Finding(
        rule=rule.id,
        severity=rule.severity,
        message=rule.message.format_map(values),
        remedy=rule.remedy.format_map(values),
        expected=str(values.get("expected", "")),
        found=str(values.get("found", "")),
        **place,
    )


def rejection(rule_id: str, values: Mapping[str, str | int] | None = None) -> RejectedFile:
    """The error that ends the reading of a file, from a FATAL file rule."""
    rule, values = file_rules()[rule_id], values or {}
    return RejectedFile(rule.id, rule.message.format_map(values), rule.remedy.format_map(values))
