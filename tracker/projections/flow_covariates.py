"""What the stays of a flow table may be broken down by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import ibis
import ibis.expr.types as ir

from tracker.domain.errors import UsageError
from tracker.domain.periods import SOCIAL_SERVICES_ACT_2025
from tracker.projections.flow_clock import ORIGIN_COLUMN, Clock
from tracker.projections.flow_pieces import Piece, in_pieces

NOT_GIVEN = "not_given"
BEFORE, SINCE = "before", "since"

Person = Sequence[str]
Covariate = Callable[[ir.Table, Clock, Person], ir.Table]
"""Adds a column of the covariate's name to the spells of a clock; may break spells in two."""


def with_covariates(spells: ir.Table, names: Sequence[str], clock: Clock, person: Person) -> ir.Table:
    """The spells with a text column for each covariate. Raises UsageError for one that does not exist."""
    if unknown := [name for name in names if name not in COVARIATES]:
        raise UsageError(f"Unknown covariates: {', '.join(unknown)}; there are {', '.join(COVARIATES)}.")
    for name in names:
        spells = COVARIATES[name](spells, clock, person)
    return spells


def _as_delivered(name: str) -> Covariate:
    return lambda spells, clock, person: spells.mutate(**{name: spells[name].fill_null(NOT_GIVEN)})


def _age_group(spells: ir.Table, clock: Clock, person: Person) -> ir.Table:
    """The age group when the clock started, so that it stays the same along the clock."""
    since = {Clock.ENTRY: list(person), Clock.EPISODE: [*person, "episode"]}.get(clock)
    if since:
        first = spells.group_by(*since).aggregate(first_age_group=spells.age_group.argmin(spells.spell))
        spells = spells.inner_join(first, since)
        spells = spells.mutate(age_group=spells.first_age_group).drop("first_age_group")
    return spells.mutate(age_group=spells.age_group.fill_null(NOT_GIVEN))


def _entry_year(spells: ir.Table, clock: Clock, person: Person) -> ir.Table:
    if clock in (Clock.AGE, Clock.CALENDAR):
        raise UsageError(f"By entry year needs a clock that starts at an entry; {clock} does not.")
    return spells.mutate(entry_year=spells[ORIGIN_COLUMN[clock]].year().cast("string"))


def _episode_number(spells: ir.Table, clock: Clock, person: Person) -> ir.Table:
    number = ibis.cases((spells.episode >= 3, "3+"), else_=spells.episode.cast("string"))
    return spells.mutate(episode_number=number)


def _act_2025(spells: ir.Table, clock: Clock, person: Person) -> ir.Table:
    return in_pieces(spells, "act_2025", BEFORE, [Piece(SOCIAL_SERVICES_ACT_2025, SINCE)])


COVARIATES: Mapping[str, Covariate] = {
    "municipality": _as_delivered("municipality"),
    "sex": _as_delivered("sex"),
    "age_group": _age_group,
    "legal_basis": _as_delivered("legal_basis"),
    "entry_year": _entry_year,
    "episode_number": _episode_number,
    "act_2025": _act_2025,
}
"""Fixed when the clock starts: sex, age_group, entry_year. Of each stay: municipality, legal_basis,
episode_number; along the clock a child may pass from one of their strata to another. Of each day: act_2025,
before or since 1 July 2025, for which stays are broken in two."""
