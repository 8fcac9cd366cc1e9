"""How each child is named in deliveries: test-series national ids, local ids where those run out.

A child has one number; a few have a co-ordination number first and a personal number later. ``keys``
are what identifies the child for the receiver, ``written`` is that in the sender's notation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tracker.synth.episodes import Table
from tracker.synth.national_ids import COORDINATION, LOCAL, NOTATIONS, assign, synthetic_number, written
from tracker.synth.plan import Plan
from tracker.synth.population import Children, day_number
from tracker.synth.schedule import Consignment, turn_of_year
from tracker.synth.senders import Sender

SHARE_COORDINATION = 0.015


@dataclass(frozen=True)
class Identities:
    """``number`` (12 digits or '') and ``kind`` by child; ``later`` the number after a change ('' for none).

    Numbers change on ``changes_on``, for the senders that deliver each period once and tell of it.
    """

    number: Sequence[str]
    kind: np.ndarray
    later: Sequence[str]
    changes_on: int

    def keys(self, rows: Table, consignment: Consignment) -> list[str | None]:
        """What names the child of each row in this delivery; None where no id is given."""
        sender = consignment.sender
        after = changes(sender) and day_number(consignment.extracted_on) >= self.changes_on
        return [
            None if anonymous else self.key(child, sender, later=after)
            for child, anonymous in zip(rows.child.tolist(), rows.anonymous.tolist(), strict=True)
        ]

    def key(self, child: int, sender: Sender, *, later: bool) -> str | None:
        """The id of one child with one sender."""
        if child < 0 or sender.children == "none":
            return None
        if sender.children == "local":
            return f"B{10_000 + child}"
        if self.kind[child] == LOCAL:
            return f"R{500_000 + child}" if sender.sidecar else None
        return self.later[child] if later and self.later[child] else self.number[child]

    def previous(self, rows: Table, consignment: Consignment) -> list[str | None]:
        """The earlier number on rows that tell of a change."""
        told = (rows.fact == "number_changed").tolist()
        return [self.number[c] if t else None for c, t in zip(rows.child.tolist(), told, strict=True)]

    def written(self, keys: Sequence[object], sender: Sender, rows: Table) -> list[str | None]:
        """Keys in the sender's notation; every 40th row in another one, as typed by hand."""
        other = NOTATIONS[(NOTATIONS.index(sender.notation) + 2) % len(NOTATIONS)]
        picks = rows["pick"].tolist()
        return [
            None if key is None else _notated(str(key), other if p % 40 == 0 else sender.notation)
            for key, p in zip(keys, picks, strict=True)
        ]


def _notated(key: str, notation: str) -> str:
    return written(key, notation) if key.isdigit() else key


def changes(sender: Sender) -> bool:
    """Whether number changes show in this sender's deliveries."""
    return (
        sender.schedule == "successive" and sender.children == "national" and "child_facts" in sender.extras
    )


def identities(people: Children, used: np.ndarray, plan: Plan, rng: np.random.Generator) -> Identities:
    """Numbers for the children that appear in a delivery (``used``, indices)."""
    births = people.birth[used].astype("datetime64[D]")
    numbers, kinds = assign(births, people.boy[used], rng, SHARE_COORDINATION)
    number = [""] * len(people)
    kind = np.full(len(people), LOCAL, dtype=object)
    for child, one, its in zip(used.tolist(), numbers, kinds, strict=True):
        number[child], kind[child] = one, its
    later = _later(people, used, number, kind)
    return Identities(number, kind, later, day_number(turn_of_year(plan)) + 1)


def _later(people: Children, used: np.ndarray, number: list[str], kind: np.ndarray) -> list[str]:
    """A free personal number for children with a co-ordination number, while serials last."""
    taken = set(number)
    later = [""] * len(people)
    for child in used.tolist():
        if kind[child] != COORDINATION:
            continue
        birth = pd.Timestamp(people.birth[child].astype("datetime64[D]"))
        serials = range(998 + int(people.boy[child]), 979, -2)
        free = (synthetic_number(birth, s, coordination=False) for s in serials)
        later[child] = next((n for n in free if n not in taken), "")
        taken.add(later[child])
    return later
