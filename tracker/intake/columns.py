"""Columns: each recognised header becomes one column of the extract; doubles are settled or refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tracker.domain.delivery import Cell, Column
from tracker.domain.findings import Finding, column_letter
from tracker.intake.file_rules import finding, rejection
from tracker.intake.headers import fold
from tracker.intake.privacy_guard import shown_header
from tracker.intake.recognise import Match


@dataclass(frozen=True)
class Assigned:
    """The table's columns sorted: used ones by field, those not recognised, and what to say."""

    used: dict[str, Column]
    unrecognised: tuple[Column, ...]
    findings: tuple[Finding, ...]


def assign(match: Match, cells: Sequence[Sequence[Cell]]) -> Assigned:
    """Columns of ``match``, with ``cells`` the data rows of every column of its table.

    Raises ``RejectedFile`` FILE-038 when a required field stands twice, under the same header, with
    different contents: choosing would be guessing.
    """
    delivered = [_delivered(match, index, column) for index, column in enumerate(cells)]
    findings: list[Finding] = []
    claims = defaultdict(list)
    for index, (name, rank) in match.fields.items():
        claims[name].append((rank, index))
    used, left_out = {}, set()
    for name, claimed in claims.items():
        chosen = _choose(match, name, [delivered[index] for _, index in sorted(claimed)], findings)
        used[name] = chosen
        left_out |= {index for _, index in claimed if delivered[index] is not chosen}
    rest = [c for i, c in enumerate(delivered) if i not in match.fields or i in left_out]
    unrecognised = tuple(column for column in rest if column.header or _filled(column))
    findings += _about_rest(match, [c for i, c in enumerate(delivered) if i not in match.fields])
    findings += _about_missing(match)
    order = {column.name: place for place, column in enumerate(match.spec.columns)}
    return Assigned(
        dict(sorted(used.items(), key=lambda item: order[item[0]])), unrecognised, tuple(findings)
    )


def _delivered(match: Match, index: int, cells: Sequence[Cell]) -> Column:
    header = match.table.columns[index][match.row]
    name = match.fields[index][0] if index in match.fields else ""
    return Column(name, "" if header is None else str(header), column_letter(index), cells)


def _filled(column: Column) -> bool:
    return any(cell is not None for cell in column.cells)


def _choose(match: Match, name: str, doubles: list[Column], findings: list[Finding]) -> Column:
    """The best-named column that has content; equal contents are no dispute."""
    filled = [column for column in doubles if _filled(column)] or doubles[:1]
    chosen = filled[0]
    if len(doubles) == 1:
        return chosen
    spec = match.spec.by_name[name]
    disputed = any(list(column.cells) != list(chosen.cells) for column in filled[1:])
    same_header = any(fold(column.header) == fold(chosen.header) for column in filled[1:])
    letters = " och ".join(f"kolumn {column.letter}" for column in filled)
    if disputed and same_header and spec.required:
        raise rejection("FILE-038", {"label": spec.label_sv, "found": letters})
    rule = "FILE-037" if disputed else "FILE-036"
    values = {"label": spec.label_sv, "found": f"kolumn {chosen.letter} ({shown_header(chosen.header)})"}
    number = match.table.row_numbers[match.row]
    place = {"sheet": match.table.sheet, "row": number, "column": chosen.letter, "fields": (name,)}
    findings.append(finding(rule, values, **place))  # type: ignore[arg-type]  # keys are those of Place
    return chosen


def _about_rest(match: Match, rest: Sequence[Column]) -> Iterator[Finding]:
    number, sheet = match.table.row_numbers[match.row], match.table.sheet
    for column in rest:
        if column.header:
            values = {"found": f"”{shown_header(column.header)}”"}
            yield finding("FILE-039", values, sheet=sheet, row=number, column=column.letter)
        elif _filled(column):
            yield finding("FILE-040", sheet=sheet, row=number, column=column.letter)


def _about_missing(match: Match) -> Iterator[Finding]:
    if "child" in match.spec.by_name and "child" not in match.found:
        yield finding("FILE-048", sheet=match.table.sheet, fields=("child",))
    labels = [
        (c.name, c.label_sv) for c in match.spec.columns if c.name not in match.found and c.type != "text"
    ]
    if labels:
        shown = ", ".join(label for _, label in labels[:12])
        more = f" och {len(labels) - 12} till" if len(labels) > 12 else ""
        names = tuple(name for name, _ in labels)
        yield finding("FILE-045", {"found": shown + more}, sheet=match.table.sheet, fields=names)
