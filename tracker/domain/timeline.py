"""One child's timeline: what happened, what led to what, and the stays on the chain that follow.

Days are dates; time on the chain is (day, step): a child's k-th transition of a day is step k, and the
origin of an observation is step 0. A stay is [entered, left); None means not left while observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from tracker.domain.events import EventType


class LinkKind(StrEnum):
    """Which two stages a link joins, in the direction of the chain."""

    REFERRAL_INVESTIGATION = "referral_investigation"
    INVESTIGATION_INTERVENTION = "investigation_intervention"
    INTERVENTION_FOLLOW_UP = "intervention_follow_up"


class LinkMethod(StrEnum):
    """How a link was found, the surest first; ``ambiguous`` names several equally near and picks none."""

    EXPLICIT = "explicit"
    SAME_CASE = "same_case"
    NEAREST = "nearest"
    AMBIGUOUS = "ambiguous"
    NONE = "none"


class Exit(StrEnum):
    """How the observation of a stay ended."""

    TRANSITION = "transition"
    CENSORED = "censored"  # the data end, or the open thing was last seen
    ABSORBING = "absorbing"  # grew out by age, or died
    MOVED = "moved"
    COVERAGE = "coverage"  # a gap in what was delivered; observation resumes later


@dataclass(frozen=True)
class Link:
    """A link between two facts. One end is empty when ambiguous; ``candidates`` were equally entitled."""

    kind: LinkKind
    from_id: str | None
    to_id: str | None
    method: LinkMethod
    candidates: int


@dataclass(frozen=True)
class Entry:
    """One event on the timeline, its wording read into codes (field → codes) beside what was delivered."""

    position: int
    type: EventType
    occurred_on: date | None
    municipality: str
    record_type: str
    fact_id: str
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unmapped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Spell:
    """One observed stay in one state.

    ``left_step`` is None when censored: censoring follows the last step of its day. ``left_assumed``
    says that the day of leaving was not delivered. ``state_entered_on`` and ``episode_entered_on`` may
    precede the observation: the clocks of the state and of the episode start there.
    """

    municipality: str
    episode: int
    state: str
    entered_on: date
    entered_step: int
    left_on: date
    left_step: int | None
    to_state: str | None
    exit: Exit
    left_assumed: bool
    legal_basis: str | None
    state_entered_on: date
    episode_entered_on: date


@dataclass(frozen=True)
class Timeline:
    """Everything the log says of one child, as of one position."""

    subject_id: str
    sex: str | None
    birth_date: date | None
    entries: tuple[Entry, ...]
    links: tuple[Link, ...]
    spells: tuple[Spell, ...]
