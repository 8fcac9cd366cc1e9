"""Synthetic spells as a snapshot would hold them, for any seed: late entries, moves, many steps in a day."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from tests.flow_tables import SPELL_SCHEMA

MUNICIPALITIES = ("0114", "0180", "1480")
NEXT = {
    "referral": ("investigation", "closed"),
    "investigation": ("granted", "intervention", "referral", "closed"),
    "granted": ("intervention", "investigation", "closed"),
    "intervention": ("granted", "investigation", "closed"),
    "closed": ("referral", "investigation"),
}
SCHEMA = SPELL_SCHEMA.append(pa.field("origin_on", pa.date32())).append(pa.field("birth_month", pa.date32()))


def generated_spells(seed: int, children: int) -> pa.Table:
    """Spells of that many children; each stays in one to three municipalities, one after the other.

    The unit is child × municipality: episodes and spells are numbered within it.
    """
    chance = random.Random(seed)
    rows = [row for number in range(children) for row in _child(chance, f"child-{number:05}")]
    return pa.Table.from_pylist(rows, SCHEMA)


def _child(chance: random.Random, name: str) -> Iterator[dict[str, Any]]:
    fixed = {
        "subject_id": name,
        "sex": chance.choice(("girl", "boy", None)),
        "birth_month": date(2005 + chance.randrange(15), chance.randint(1, 12), 1),
        "left_assumed": False,
    }
    day = date(2023, 1, 1) + timedelta(chance.randrange(900))
    for place in chance.sample(MUNICIPALITIES, chance.choice((1, 1, 1, 2, 3))):
        rows = list(_stay(chance, day, fixed | {"municipality": place}))
        yield from rows
        day = rows[-1]["left_on"]


def _stay(chance: random.Random, day: date, fixed: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The spells in one municipality: from the first day seen to leaving or the end of observation."""
    state, step, episode = chance.choice(("referral", "referral", "investigation", "intervention")), 0, 1
    begun = day - timedelta(chance.choice((0, 0, 0, 40)))
    episode_on, origin = begun, begun
    for spell in range(1, chance.randint(2, 9)):
        length = chance.choice((0, 0, 1, 3, 14, 60, 200))
        ends = chance.choice((*("transition",) * 9, "moved", "absorbing", "censored", "coverage"))
        left = day + timedelta(length)
        goes = ends in ("transition", "moved", "absorbing")
        to = {"transition": chance.choice(NEXT[state]), "moved": "moved", "absorbing": "adult"}.get(ends)
        left_step = (step if length == 0 else 0) + 1 if goes else None
        yield fixed | {
            "episode": episode,
            "spell": spell,
            "state": state,
            "entered_on": day,
            "entered_step": step,
            "left_on": left,
            "left_step": left_step,
            "to_state": to,
            "exit": ends,
            "age_group": chance.choice(("3-5", "6-8", "9-12")),
            "age_at_entry": 7,
            "state_entered_on": begun,
            "episode_entered_on": episode_on,
            "origin_on": origin,
        }
        if ends != "transition" or to is None or left_step is None:
            return
        if state == "closed":
            episode, episode_on = episode + 1, left
        state, day, step, begun = to, left, left_step, left
