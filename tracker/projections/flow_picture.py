"""Nodes and edges of the flow diagram: the sorting of referrals, and beside it the children's return."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from tracker.projections import flow_words as words
from tracker.projections.flow_levels import UNLINKABLE
from tracker.projections.flow_lines import RECEIVED
from tracker.projections.flow_steps import INVESTIGATION, NEED, OUTSIDE, RETURNED, STEPS, Step

Node = tuple[str, str, int]
Edge = tuple[str, str, int]


@dataclass(frozen=True)
class FlowLinks:
    """``nodes`` (id, Swedish label, count) and ``edges`` (source, target, count), in drawing order.

    Ids are ``step.class``. Two parts, never joined: ``received.received`` and on, in referrals, where
    what leaves a node adds up to what entered it; and ``children.cohort`` and on, in children.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def columns(self) -> tuple[tuple[Node, ...], ...]:
        """The nodes step by step, left to right; the cohort's children stand just before their return."""
        earlier = [(RECEIVED,), *((step.id,) for step in STEPS[:-1])]
        steps = [*earlier, (STEPS[-1].id, CHILDREN), (RETURNED.id,)]
        placed = [tuple(n for n in self.nodes if n[0].partition(".")[0] in ids) for ids in steps]
        return tuple(column for column in placed if column)


def picture_of(total: pd.DataFrame) -> FlowLinks:
    """The picture of the total rows of a flow table; classes nobody is in are left out."""
    referrals, children = _counts(total, "referrals"), _counts(total, "children")
    parts = [
        _start(RECEIVED, RECEIVED, words.label(RECEIVED, RECEIVED), referrals.get((RECEIVED, RECEIVED), 0))
    ]
    source = f"{RECEIVED}.{RECEIVED}"
    for step in STEPS:
        parts.append(_reached(step, source, referrals))
        source = f"{step.id}.{step.onward}"
    parts.insert(2, _unlinkable(total))
    everyone = sum(children.get((RETURNED.id, name), 0) for name in RETURNED.classes)
    parts += [_start(CHILDREN, "cohort", "Barn i urvalet", everyone)]
    parts += [_reached(RETURNED, f"{CHILDREN}.cohort", children)]
    return FlowLinks(tuple(n for p in parts for n in p.nodes), tuple(e for p in parts for e in p.edges))


CHILDREN = "children"
Counts = Mapping[tuple[str, str], int]


def _counts(total: pd.DataFrame, unit: str) -> Counts:
    """Counts of both blocks together; an unlinkable row that does not apply counts nothing."""
    wanted = total[total["unit"] == unit]
    counts: Counter[tuple[str, str]] = Counter()
    for step, name, count in zip(wanted["step"], wanted["class"], wanted["count"].fillna(0), strict=True):
        counts[step, name] += int(count)
    return counts


def _start(step: str, name: str, label: str, count: int) -> FlowLinks:
    return FlowLinks(((f"{step}.{name}", label, count),), ())


def _reached(step: Step, source: str, counts: Counts) -> FlowLinks:
    """The classes of a step somebody is in, all reached from ``source``."""
    found = [(name, counts.get((step.id, name), 0)) for name in step.classes if name != OUTSIDE]
    reached = [(f"{step.id}.{name}", words.label(step.id, name), count) for name, count in found if count]
    return FlowLinks(tuple(reached), tuple((source, node, count) for node, _, count in reached))


def _unlinkable(total: pd.DataFrame) -> FlowLinks:
    """Opened referrals without a child id: they flow no further."""
    opened = total[(total["block"] == UNLINKABLE) & (total["class"] == INVESTIGATION.onward)]
    count = int(opened["count"].sum())
    if not count:
        return FlowLinks((), ())
    node = f"{NEED.id}.unlinkable"
    return FlowLinks(
        ((node, "Utan barn-id, kan inte följas", count),),
        ((f"{INVESTIGATION.id}.{INVESTIGATION.onward}", node, count),),
    )
