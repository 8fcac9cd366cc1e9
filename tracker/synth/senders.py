"""The senders: which case system a municipality has, what it can export, and its local habits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import yaml

from tracker.synth.national_ids import NOTATIONS
from tracker.synth.plan import Plan
from tracker.synth.population import Municipality
from tracker.synth.wording import Lexicon, lexicon


@dataclass(frozen=True)
class Dialect:
    """How a case system exports; see ``dialects.yaml``."""

    name: str
    stable_ids: bool
    ids: str
    format: str
    dates: str
    titles: bool
    sums: bool
    sheet: str
    columns: Mapping[str, Mapping[str, str]]
    encodings: tuple[str, ...] = ("utf-8",)  # by turns among the municipalities
    delimiter: str = ";"


@cache
def dialects() -> tuple[Dialect, ...]:
    """The four fictional case systems."""
    text = resources.files("tracker.synth").joinpath("dialects.yaml").read_text("utf-8")
    declared: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return tuple(Dialect(name=name, **fields) for name, fields in declared.items())


@dataclass(frozen=True)
class Sender:
    """A delivering municipality.

    ``children`` says how children are named: ``national`` ids, ``local`` pseudonyms declared stable, or
    ``none`` (only age and sex, and only referrals, as sub-study 3 ran in 2024). ``reasons`` is
    ``none``, ``one`` or ``several``. ``schedule`` is how it delivers over time, see ``schedule``.
    """

    index: int
    place: Municipality
    dialect: Dialect
    lexicon: Lexicon
    children: str
    reasons: str
    notation: str
    sidecar: bool
    schedule: str
    not_opened_complete: bool
    extras: tuple[str, ...]
    bbic: bool

    @property
    def stable_ids(self) -> bool:
        """Whether the fact's own id is delivered and kept from one export to the next."""
        return self.dialect.stable_ids and self.children != "none"


def senders(plan: Plan, places: tuple[Municipality, ...], rng: np.random.Generator) -> tuple[Sender, ...]:
    """One sender a municipality; shares of the plan are met exactly (rounded), in random places."""
    n = len(places)
    reasons = _spread(
        n, {"none": plan.share_without_reasons, "several": plan.share_several_reasons}, "one", rng
    )
    shares = {"none": plan.share_without_child_id, "local": plan.share_local_pseudonyms}
    children = _to_smaller(_spread(n, shares, "national", rng), places)
    sidecar = _spread(n, {"no": plan.share_without_sidecar}, "yes", rng)
    systems = rng.permutation(np.arange(n) % len(dialects()))
    schedules = _schedules(plan, n)
    result = []
    for k, place in enumerate(places):
        has_sidecar = sidecar[k] == "yes" or children[k] != "national"
        dialect = dialects()[3 if not has_sidecar else int(systems[k])]
        result.append(
            Sender(
                index=k,
                place=place,
                dialect=dialect,
                lexicon=lexicon(k, reasons[k] == "several", rng),
                children=children[k],
                reasons=reasons[k],
                notation=str(rng.choice(NOTATIONS)),
                sidecar=has_sidecar,
                schedule=schedules[k] if has_sidecar and children[k] != "none" else "once",
                not_opened_complete=bool(rng.random() < 0.7),
                extras=_extras(plan, k, children[k], has_sidecar),
                bbic=plan.other_record_types and "bbic" in dialect.columns["investigations"] and k % 2 == 0,
            )
        )
    return tuple(result)


def _spread(n: int, shares: Mapping[str, float], other: str, rng: np.random.Generator) -> list[str]:
    kinds = [kind for kind, share in shares.items() for _ in range(round(share * n))]
    kinds = (kinds + [other] * n)[:n]
    return [kinds[k] for k in rng.permutation(n)]


def _to_smaller(kinds: list[str], places: tuple[Municipality, ...]) -> list[str]:
    """The exceptions to the smaller municipalities, so that most children have national ids."""
    smaller_first = sorted(range(len(places)), key=lambda k: places[k].population)
    by_size = sorted(kinds, key=lambda kind: kind == "national")
    return [kind for _, kind in sorted(zip(smaller_first, by_size, strict=True))]


def _schedules(plan: Plan, n: int) -> list[str]:
    if not plan.redeliveries:
        return ["once"] * n
    cycle = ("twice", "whole", "once", "successive", "late", "twice", "addition", "once")
    return [cycle[k % len(cycle)] for k in range(n)]


def _extras(plan: Plan, k: int, children: str, sidecar: bool) -> tuple[str, ...]:
    if not plan.other_record_types or not sidecar:
        return ()
    person = ("open_support", "child_facts") if children == "national" else ()
    support = (person[:1] if k % 4 < 2 else ()) or (("open_support_counts",) if k % 4 != 3 else ())
    facts = person[1:] if k % 3 != 2 else ()
    return (*support, *facts, *(("municipality_facts",) if k % 3 != 1 else ()))
