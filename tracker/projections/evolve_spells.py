"""The stays of one child on the chain, in plain Python: the rule the set-wise ``sweep`` must agree with.

The state is the furthest open stage. Within a day things open before they close, earlier stages and
older things first; then things are lost sight of; then the child moves; then it dies. A transition is
the next step of its day. What was last seen open leaves the state unknown until the child's next opening
of that stage or a further one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby

from tracker.domain.chain import ADULT, CLOSED, DEAD, MOVED, Chain
from tracker.domain.periods import birthday
from tracker.domain.timeline import Exit, Spell
from tracker.projections.coverage import Seen
from tracker.projections.evolve_things import Ending, Thing
from tracker.projections.rules import Rules

_NONE, _UNKNOWN = "", "?"


@dataclass(frozen=True)
class Life:
    """One child: what it had open, its moves out (municipality, day), its death, its day of birth."""

    things: tuple[Thing, ...]
    moves: tuple[tuple[str, date], ...] = ()
    died: date | None = None
    born: date | None = None

    def within(self, municipality: str) -> Life:
        """The life as one municipality knows it; a death counts everywhere."""
        things = tuple(thing for thing in self.things if thing.municipality == municipality)
        return replace(self, things=things, moves=tuple(m for m in self.moves if m[0] == municipality))


@dataclass(frozen=True)
class Stay:
    """A stay as it was, whether or not anyone was in a position to see it."""

    state: str
    municipality: str
    legal_basis: str | None
    entered_on: date
    entered_step: int
    origin: bool
    left_on: date | None = None
    left_step: int | None = None
    to_state: str | None = None
    assumed: bool = False
    episode: int = 0
    episode_entered_on: date | None = None


@dataclass(frozen=True)
class _Op:
    """Something that takes effect on a day, in ``order``: an opening, an ending, a move, a death."""

    day: date
    order: tuple[int, int, int, str, str]
    thing: Thing | None
    municipality: str

    @property
    def phase(self) -> int:
        return self.order[0]


_OPENING, _MOVE, _DEATH = 0, int(Ending.MOVED), 4


def _operations(life: Life) -> list[_Op]:
    ops = []
    for thing in life.things:
        place = (thing.municipality, thing.legal_basis or "")
        ops.append(_Op(thing.opened_on, (_OPENING, thing.rank, 0, *place), thing, thing.municipality))
        if thing.ended_on is not None:
            age = (thing.opened_on.toordinal(), thing.rank)
            ops.append(_Op(thing.ended_on, (int(thing.ending), *age, *place), thing, thing.municipality))
    ops += [_Op(day, (_MOVE, 0, 0, municipality, ""), None, municipality) for municipality, day in life.moves]
    if life.died is not None:
        ops = [op for op in ops if op.day <= life.died]
        ops.append(_Op(life.died, (_DEATH, 0, 0, "", ""), None, ""))
    return sorted(ops, key=lambda op: (op.day, op.order, op.thing is not None and op.thing.assumed))


class _Walk:
    """What is open, what was lost sight of and where the last thing happened, as the days go by."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.open = dict.fromkeys((state.rank for state in chain.states), 0)
        self.lost: set[int] = set()
        self.latest: dict[int, Thing] = {}  # rank → the thing of that stage opened last
        self.last_at = ""
        self.started = self.dead = False

    def take(self, ops: Sequence[_Op], before: str) -> str:
        """Let the operations take effect together; returns the state then, ``before`` being the state now."""
        for op in ops:
            self._apply(op)
        if self.dead:
            return DEAD
        furthest = max((rank for rank, count in self.open.items() if count), default=0)
        moved = ops[0].phase == _MOVE and any(op.thing or op.municipality == self.last_at for op in ops)
        if not furthest and (moved or not self.started):
            state = MOVED if self.started else before
            self.started = False
            self.lost.clear()
            return state
        return _UNKNOWN if max(self.lost, default=0) > furthest else self.chain.by_rank[furthest]

    def _apply(self, op: _Op) -> None:
        if op.phase == _DEATH:
            self.dead = True
            return
        if op.phase != _MOVE:
            self.last_at = op.municipality
        if op.thing is None:
            return
        rank = op.thing.rank
        if op.phase == _OPENING:
            self.started = True
            self.open[rank] += 1
            self.lost = {r for r in self.lost if r > rank}
            self.latest[rank] = op.thing
        else:
            self.open[rank] -= 1
            self.lost |= {rank} if op.phase == int(Ending.LOST) else set()


def find_stays(life: Life, chain: Chain) -> list[Stay]:
    """All stays of the child, in order."""
    walk = _Walk(chain)
    stays: list[Stay] = []
    current = _NONE
    day, step = date.min, 0
    for ops in _together(_operations(life)):
        state = walk.take(ops, current)
        if state == current:
            continue
        day, step = (ops[0].day, 0) if ops[0].day != day else (day, step)
        if current in chain.by_rank.values():
            step += state != _UNKNOWN
            stays[-1] = _left(stays[-1], ops[-1], state, step)
        if state in chain.by_rank.values():
            origin = current not in chain.by_rank.values()
            stays.append(_entered(ops[-1], state, 0 if origin else step, origin, walk))
        current = state
    return stays


def _together(ops: Iterable[_Op]) -> Iterator[Sequence[_Op]]:
    """One by one, but all moves of a day at once."""
    for (_, phase), group in groupby(ops, key=lambda op: (op.day, op.phase)):
        if phase == _MOVE:
            yield list(group)
        else:
            yield from ([op] for op in group)


def _left(stay: Stay, op: _Op, state: str, step: int) -> Stay:
    if state == _UNKNOWN:
        return replace(stay, left_on=op.day)
    closing = op.thing is not None and op.phase == int(Ending.CLOSED)
    assumed = closing and op.thing is not None and op.thing.assumed
    return replace(stay, left_on=op.day, left_step=step, to_state=state, assumed=assumed)


def _entered(op: _Op, state: str, step: int, origin: bool, walk: _Walk) -> Stay:
    """The municipality and legal ground are those of the latest opening of the stage entered."""
    if state == CLOSED:
        return Stay(state, op.municipality, None, op.day, step, origin)
    thing = walk.latest[walk.chain.by_name[state].rank]
    return Stay(state, thing.municipality, thing.legal_basis, op.day, step, origin)


def grown_up(stays: Sequence[Stay], born: date | None, chain: Chain) -> list[Stay]:
    """The stays up to the day the child is too old for the state it is in: the first step of that day."""
    if born is None:
        return list(stays)
    kept: list[Stay] = []
    for stay in stays:
        limit = birthday(born, chain.age_limit(stay.state, stay.legal_basis))
        if stay.left_on is not None and stay.left_on < limit:
            kept.append(stay)
            continue
        if stay.entered_on < limit:
            kept.append(replace(stay, left_on=limit, left_step=1, to_state=ADULT, assumed=False))
        elif not stay.origin:
            step = stay.entered_step + 1
            kept.append(replace(stay, left_on=stay.entered_on, left_step=step, to_state=ADULT, assumed=False))
        break
    return kept


def in_episodes(stays: Iterable[Stay], min_gap: int) -> list[Stay]:
    """The stays numbered by episode; closed for fewer than ``min_gap`` days is the same episode."""
    numbered: list[Stay] = []
    episode, since = 0, date.min
    for stay in stays:
        before = numbered[-1] if numbered else None
        if before is None or stay.origin or (before.state == CLOSED and _days(before) >= min_gap):
            episode, since = episode + 1, stay.entered_on
        numbered.append(replace(stay, episode=episode, episode_entered_on=since))
    return numbered


def _days(stay: Stay) -> int:
    assert stay.left_on
    return (stay.left_on - stay.entered_on).days


def observed(stays: Iterable[Stay], seen: Seen, chain: Chain) -> Iterator[Spell]:
    """The parts of the stays that someone could have seen, each as a spell."""
    for stay in stays:
        for run in seen.runs(stay.municipality, chain.observed_through(stay.state)):
            if run.last < stay.entered_on or (stay.left_on is not None and stay.left_on < run.first):
                continue
            spell = _whole(stay, run.last)
            if stay.left_on is None or stay.left_on > run.last:
                exit_ = Exit.CENSORED if run.final else Exit.COVERAGE
                spell = replace(
                    spell, left_on=run.last, left_step=None, to_state=None, exit=exit_, left_assumed=False
                )
            if stay.entered_on < run.first:
                spell = replace(spell, entered_on=run.first, entered_step=0)
            yield spell


_EXITS = {MOVED: Exit.MOVED, ADULT: Exit.ABSORBING, DEAD: Exit.ABSORBING, None: Exit.CENSORED}


def _whole(stay: Stay, at_latest: date) -> Spell:
    return Spell(
        municipality=stay.municipality,
        episode=stay.episode,
        state=stay.state,
        entered_on=stay.entered_on,
        entered_step=stay.entered_step,
        left_on=stay.left_on or at_latest,
        left_step=stay.left_step,
        to_state=stay.to_state,
        exit=_EXITS.get(stay.to_state, Exit.TRANSITION),
        left_assumed=stay.assumed,
        legal_basis=stay.legal_basis,
        state_entered_on=stay.entered_on,
        episode_entered_on=stay.episode_entered_on or stay.entered_on,
    )


def find_spells(life: Life, seen: Seen, chain: Chain, rules: Rules) -> tuple[Spell, ...]:
    """The observed stays of one child (or of one child in one municipality), in order."""
    stays = in_episodes(grown_up(find_stays(life, chain), life.born, chain), rules.min_gap)
    return tuple(observed(stays, seen, chain))
