"""A declared cohort as SQL: the events that may be entries, the rules that leave them out, the covariates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from tracker.projections.cohort_sources import MISSING, NO_REFERRAL, NOT_DELIVERED, UNKNOWN, sources
from tracker.projections.cohort_spec import (
    At,
    CohortSpec,
    Condition,
    Covariate,
    Entry,
    Event,
    NextEntry,
    Which,
)


@dataclass(frozen=True)
class Rule:
    """A rule that leaves entries out, in words and as the SQL that is true of those it leaves out."""

    name: str
    said: str
    fails: str


SAID = {
    Event.OBSERVED: "a child's first stay seen, from its beginning or late",
    Event.FIRST_REFERRAL: "an episode that begins with a referral",
    Event.EPISODE: "an episode",
    Event.STATE_ENTERED: "a stay in «{state}»",
    Event.CLOSED: "a stay in «closed»: an episode has ended",
}
EVENT_SQL = {
    Event.OBSERVED: "spell = 1",
    Event.FIRST_REFERRAL: "opens_episode AND state = 'referral'",
    Event.EPISODE: "opens_episode",
    Event.STATE_ENTERED: "opens_stay AND state = {state}",
    Event.CLOSED: "opens_stay AND state = 'closed'",
}
SEEN_SQL = {
    Event.OBSERVED: "true",
    Event.FIRST_REFERRAL: "entered_on = episode_entered_on",
    Event.EPISODE: "entered_on = episode_entered_on",
    Event.STATE_ENTERED: "entered_on = state_entered_on",
    Event.CLOSED: "entered_on = state_entered_on",
}


def text(value: str) -> str:
    """A SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def texts(values: Iterable[str]) -> str:
    """SQL string literals for IN; of none, one that equals nothing."""
    return ", ".join(map(text, values)) or "NULL"


def event_sql(entry: Entry) -> str:
    """Which numbered stays may be entries."""
    return EVENT_SQL[entry.event].format(state=text(entry.state))


def next_spell_sql(spec: CohortSpec) -> str:
    """The number of the stay at which a child's next entry begins; NULL where none ends the one before."""
    each = spec.entry.which is Which.EACH and spec.exits.next_entry is NextEntry.ENDS
    return "lead(spell) OVER line" if each else "NULL::INTEGER"


def window_sql(entry: Entry) -> str:
    """Whether the event lies in the window of entry."""
    tests = [f"origin_on >= DATE '{entry.first}'"] if entry.first else []
    tests += [f"origin_on <= DATE '{entry.last}'"] if entry.last else []
    return " AND ".join(tests) or "true"


def rules(spec: CohortSpec) -> list[Rule]:
    """The rules, in the order in which they leave entries out."""
    return [*_entry_rules(spec.entry), *map(_eligible, spec.eligibility), *_exclusions(spec)]


def _entry_rules(entry: Entry) -> list[Rule]:
    found = []
    if entry.event is not Event.OBSERVED:
        found.append(
            Rule("seen", "its beginning lies in what was delivered in full (not entered late)", "NOT seen")
        )
    if entry.first or entry.last:
        said = f"begins {_window_said(entry)}"
        found.append(Rule("window", said, "NOT in_window"))
    if entry.which is Which.FIRST:
        found.append(Rule("first", "the child's first such in the window", "turn > 1"))
    before = max(entry.covered_days_before, entry.washout_days)
    if before:
        said = f"{' and '.join(entry.coverage)} delivered in full for {before} days before"
        fails = f"coalesce(origin_on - covered_since < {before}, true)"
        found.append(Rule("covered_before", said, fails))
    if entry.washout_days:
        said = f"nothing of an earlier episode open in the {entry.washout_days} days before"
        fails = f"coalesce(origin_on - last_open_on <= {entry.washout_days}, false)"
        found.append(Rule("washout", said, fails))
    return found


def _window_said(entry: Entry) -> str:
    if entry.first and entry.last:
        return f"from {entry.first} to {entry.last}"
    return f"{entry.first} or later" if entry.first else f"{entry.last} or earlier"


def _eligible(condition: Condition) -> Rule:
    return Rule(
        f"eligible: {condition.source}",
        f"{condition.source} is {_said(condition)}",
        f"NOT {condition_sql(condition)}",
    )


def _exclusions(spec: CohortSpec) -> list[Rule]:
    return [
        Rule(
            f"excluded: {one.name}",
            "not: " + " and ".join(f"{c.source} is {_said(c)}" for c in one.where),
            " AND ".join(map(condition_sql, one.where)),
        )
        for one in spec.exclusions
    ]


def _said(condition: Condition) -> str:
    return " or ".join([*(f"{low} to {high}" for low, high in condition.ranges), *condition.values])


def condition_sql(condition: Condition) -> str:
    """True or false, never NULL: what is unknown meets a condition only where it is named."""
    column = f"src_{condition.source}"
    if not sources()[condition.source].number:
        return f"coalesce({column} IN ({texts(condition.values)}), false)"
    tests = [f"{column} BETWEEN {low} AND {high}" for low, high in condition.ranges]
    tests += [f"{column} = {value}" for value in condition.values if value != UNKNOWN]
    known = f"coalesce({' OR '.join(tests) or 'false'}, false)"
    return f"({known} OR {column} IS NULL)" if UNKNOWN in condition.values else known


def used_sources(spec: CohortSpec) -> list[str]:
    """The sources read at entry, in a fixed order."""
    conditions = [*spec.eligibility, *(c for one in spec.exclusions for c in one.where)]
    wanted = {c.source for c in conditions} | {c.source for c in spec.covariates if c.at is At.ENTRY}
    return sorted(wanted)


def sources_sql(names: Iterable[str]) -> str:
    """Select items of the sources at entry, as delivered; a comma before each."""
    return "".join(f",\n           {sources()[name].sql} AS src_{name}" for name in names)


def levels_sql(names: Iterable[str]) -> str:
    """Replacements that say of each missing category why it is; a comma before each."""
    return "".join(_missing_said(name) for name in names if not sources()[name].number)


def _missing_said(name: str) -> str:
    column, missing = f"src_{name}", sources()[name].missing
    given = f"bool_or({column} <> '{NO_REFERRAL}') OVER (PARTITION BY municipality)"
    return (
        f",\n        CASE WHEN {column} IS NOT NULL THEN {column} WHEN {given} THEN '{missing}'"
        f" ELSE '{NOT_DELIVERED}' END AS {column}"
    )


def level_sql(covariate: Covariate, value: str) -> str:
    """The level of a covariate, from the SQL of its source's value."""
    if covariate.cuts:
        return _cut_sql(covariate.cuts, value)
    if sources()[covariate.source].number:
        return value
    if covariate.categories:
        cases = [
            f"WHEN {value} IN ({texts(codes)}) THEN {text(level)}" for level, codes in covariate.categories
        ]
        cases += [f"WHEN {value} IN ({texts(MISSING)}) THEN {value}"] if covariate.rest else []
        return f"CASE {' '.join(cases)} ELSE {text(covariate.rest) if covariate.rest else value} END"
    return f"coalesce({value}, {text(UNKNOWN)})"


def cut_levels(cuts: tuple[int, ...]) -> list[str]:
    """The levels that cuts make of a number: below the first, between them, from the last."""
    between = [str(low) if high == low + 1 else f"{low}-{high - 1}" for low, high in pairwise(cuts)]
    below = [f"under {cuts[0]}"] if cuts[0] > 0 else []
    return [*below, *between, f"{cuts[-1]}+"]


def _cut_sql(cuts: tuple[int, ...], value: str) -> str:
    levels = cut_levels(cuts)
    limits = [*cuts, None] if cuts[0] > 0 else [*cuts[1:], None]
    cases = [
        f"WHEN {value} < {limit} THEN {text(level)}" if limit is not None else f"ELSE {text(level)}"
        for limit, level in zip(limits, levels, strict=True)
    ]
    return f"CASE WHEN {value} IS NULL THEN '{UNKNOWN}' {' '.join(cases)} END"


def changes_sql(covariates: Iterable[Covariate]) -> str:
    """The list of days on which any time-varying covariate changes within a stay ``s``."""
    lists = {
        f"coalesce({changes.format(ages=list(one.cuts) or list(range(1, 22)))}, [])"
        for one in covariates
        if one.at is At.TIME_VARYING and (changes := sources()[one.source].changes)
    }
    return f"flatten([{', '.join(sorted(lists))}])" if lists else "[]::DATE[]"
