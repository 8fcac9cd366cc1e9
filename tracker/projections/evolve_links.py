"""The link rule in plain Python: which investigation a referral led to, which decision, which follow-up.

The same rule set-wise is ``links``; see there. Here it reads as it is meant, pair by pair.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tracker.domain.codes import UNMAPPED
from tracker.domain.events import ChurningIds
from tracker.domain.timeline import Link, LinkKind, LinkMethod
from tracker.harmonise.codebook import Codebooks
from tracker.projections.evolve_facts import Fact
from tracker.projections.evolve_ids import ALWAYS, Ids
from tracker.projections.rules import Rules

_METHODS = {1: LinkMethod.EXPLICIT, 2: LinkMethod.SAME_CASE, 3: LinkMethod.NEAREST}


@dataclass(frozen=True, order=True)
class _Candidate:
    tier: int
    distance: int
    fact_id: str


Judge = Callable[[Fact, Fact], int]
"""The tier at which the first fact may link to the second without naming it: 2 or 3; 0 for not at all."""

Shown = Callable[[Fact, Fact], set[date]]
"""The days of exports in which one of two facts named the other by its id (see ``Ids.shared``)."""


def find_links(
    facts: Sequence[Fact], codebooks: Codebooks, rules: Rules, churning: Iterable[ChurningIds] = ()
) -> list[Link]:
    """All links among the facts; those that link to nothing are left out."""
    rows = {t: [f for f in facts if f.record_type == t] for t in {f.record_type for f in facts}}
    referrals, investigations = rows.get("referrals", []), rows.get("investigations", [])
    interventions, follow_ups = rows.get("interventions", []), rows.get("follow_ups", [])
    ids, links = Ids(churning), list[Link]()
    by_id = _shown(ids, ("investigation_id", "investigation_id"), ("referral_id", "referral_ids"))
    for referral in referrals:
        near = _referral_judge(ids, codebooks, rules)
        links += _choose(referral, investigations, by_id, near, _from_receipt)
    by_id = _shown(ids, ("investigation_id", "investigation_id"))
    for intervention in interventions:
        near = _intervention_judge(ids, rules)
        links += _choose(intervention, investigations, by_id, near, _from_opening)
    by_id = _shown(ids, ("intervention_id", "intervention_id"))
    for follow_up in follow_ups:
        near = _follow_up_judge(rules)
        links += _choose(follow_up, interventions, by_id, near, _from_start)
    return links


def _choose(
    fact: Fact, others: Sequence[Fact], shown: Shown, judge: Judge, distance: Callable[[Fact, Fact], int]
) -> Iterator[Link]:
    """The lowest tier decides, then the smallest distance; equally near ones are ambiguous."""
    those = [other for other in others if _may_be_one_child(fact, other)]
    named = _named({other.fact_id: shown(fact, other) for other in those})
    tiers = [(1 if other.fact_id in named else judge(fact, other), other) for other in those]
    candidates = sorted(_Candidate(tier, distance(fact, o), o.fact_id) for tier, o in tiers if tier)
    if not candidates:
        return
    best = candidates[0]
    entitled = Counter(c.tier for c in candidates)[best.tier]
    tied = sum(c.tier == best.tier and c.distance == best.distance for c in candidates) > 1
    method = LinkMethod.AMBIGUOUS if tied else _METHODS[best.tier]
    yield _link(fact, None if tied else best.fact_id, method, entitled)


def _named(shown: Mapping[str, set[date]]) -> set[str]:
    """The facts linked by an id: by one that stays, or else by what the newest export that shows any says."""
    churned = {day for days in shown.values() for day in days} - {ALWAYS}
    decisive = {ALWAYS, max(churned, default=ALWAYS)}
    return {fact_id for fact_id, days in shown.items() if days & decisive}


def _link(fact: Fact, other: str | None, method: LinkMethod, candidates: int) -> Link:
    if fact.record_type == "referrals":
        return Link(LinkKind.REFERRAL_INVESTIGATION, fact.fact_id, other, method, candidates)
    interventions = fact.record_type == "interventions"
    kind = LinkKind.INVESTIGATION_INTERVENTION if interventions else LinkKind.INTERVENTION_FOLLOW_UP
    return Link(kind, other, fact.fact_id, method, candidates)


def _may_be_one_child(one: Fact, other: Fact) -> bool:
    subjects = {one.subject_id, other.subject_id} - {None}
    return one.municipality == other.municipality and len(subjects) < 2


def _same_child(one: Fact, other: Fact) -> bool:
    return one.subject_id is not None and one.subject_id == other.subject_id


def _same_case(ids: Ids, one: Fact, other: Fact) -> bool:
    alike = one["case_id"] is not None and one["case_id"] == other["case_id"]
    return alike or ids.shared(one, "case_id", other, "case_id") is not None


def _shown(ids: Ids, *fields: tuple[str, str]) -> Shown:
    """By the fields of the one fact and of the other that hold one kind of id."""

    def shown(one: Fact, other: Fact) -> set[date]:
        days = (ids.shared(one, mine, other, theirs) for mine, theirs in fields)
        return {day for day in days if day}

    return shown


def _referral_judge(ids: Ids, codebooks: Codebooks, rules: Rules) -> Judge:
    def tier(referral: Fact, investigation: Fact) -> int:
        same_case = _same_case(ids, referral, investigation)
        flow = flow_class(referral, codebooks)
        received = referral["received_on"]
        if flow == "attached":
            fits = _open_on(investigation["opened_on"], investigation["closed_on"], received, 0)
        elif flow == "opened" or (flow in (None, UNMAPPED) and same_case):
            last = received + timedelta(days=rules.opened_within)
            fits = received <= investigation["opened_on"] <= last
        else:
            fits = False
        return (2 if same_case else 3) if fits and _same_child(referral, investigation) else 0

    return tier


def _intervention_judge(ids: Ids, rules: Rules) -> Judge:
    def tier(intervention: Fact, investigation: Fact) -> int:
        fits = _open_on(
            investigation["opened_on"],
            investigation["closed_on"],
            intervention["decided_on"],
            rules.decided_within,
        )
        same_case = _same_case(ids, intervention, investigation)
        return (2 if same_case else 3) if fits and _same_child(intervention, investigation) else 0

    return tier


def _follow_up_judge(rules: Rules) -> Judge:
    def tier(follow_up: Fact, intervention: Fact) -> int:
        if intervention["granted"] in ("no", "withdrawn"):
            return 0
        fits = _open_on(
            _start(intervention), intervention["ended_on"], follow_up["held_on"], rules.followed_up_within
        )
        return 3 if fits and _same_child(follow_up, intervention) else 0

    return tier


def _open_on(first: date, last: date | None, day: date, after: int) -> bool:
    return first <= day and (last is None or day <= last + timedelta(days=after))


def _start(intervention: Fact) -> date:
    day: date = intervention["started_on"] or intervention["decided_on"]
    return day


def _from_receipt(referral: Fact, investigation: Fact) -> int:
    return _days(investigation["opened_on"], referral["received_on"])


def _from_opening(intervention: Fact, investigation: Fact) -> int:
    return _days(intervention["decided_on"], investigation["opened_on"])


def _from_start(follow_up: Fact, intervention: Fact) -> int:
    return _days(follow_up["held_on"], _start(intervention))


def _days(one: date, other: date) -> int:
    return abs((one - other).days)


def flow_class(referral: Fact, codebooks: Codebooks) -> str | None:
    """What the action means for the flow: opened, attached …, unmapped; None when none is given."""
    action: str | None = referral["action"]
    if action is None or action == UNMAPPED:
        return action
    return codebooks.extra("referral_action", action, "flow_class")
