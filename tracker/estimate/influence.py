"""How much one child moves an estimate: what the second pass over spells looks up, from national hazards.

A child in state h at u adds (dN_h. − Y dA_h) p_h(u−)/Y_h(u) (P(u, t)_j − P(u, t)_h) to state j at t
(infinitesimal jackknife; Andersen et al. 1993, IV.4.1.3; Therneau & Grambsch 2000, section 2.2). Summed over
a stay this is a difference of two entries of a running table, and a jump where it ends. The table needs
hazards and numbers at risk only: whoever has the spells of one municipality can compute its part.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.occupation import Occupation
from tracker.estimate.product_integral import Steps, probabilities_to, time_to_come
from tracker.estimate.risk_sets import Floats, Ints, Moments

FORMAT = "tracker-influence/1"


@dataclass(frozen=True)
class InfluenceTables:
    """What a second round over spells needs from the whole: by moment with moves (K), stratum (G), state (H).

    ``hazard`` [K, G, M] of each transition and ``share`` [K, G, H], p_h(u−)/Y_h(u). ``initial`` [G, H] and
    ``sample`` [G] (the number the mix was estimated from; 0 when it was given) hold at ``start_time`` and
    ``start_step``. Asked for: occupation at the end of ``times``, expected time in state to ``horizons``.
    """

    strata: pd.DataFrame
    states: tuple[str, ...]
    transitions: tuple[tuple[int, int], ...]
    start_time: Floats
    start_step: Ints
    initial: Floats
    sample: Floats
    moments: Moments
    hazard: Floats
    share: Floats
    times: tuple[float, ...]
    horizons: tuple[float, ...]

    @property
    def targets(self) -> int:
        """How many vectors over states are asked for: those at times, then those to horizons."""
        return len(self.times) + len(self.horizons)

    def to_json(self) -> str:
        """One text that carries the tables to where spells are; floats come back to the last bit."""
        return json.dumps(
            {
                "format": FORMAT,
                "strata": records(self.strata),
                "states": self.states,
                "transitions": self.transitions,
                "moments": {"time": self.moments.time.tolist(), "step": self.moments.step.tolist()},
                "times": self.times,
                "horizons": self.horizons,
                **{name: getattr(self, name).tolist() for name in _ARRAYS},
            }
        )

    @staticmethod
    def from_json(text: str) -> InfluenceTables:
        """The tables of a text by ``to_json``; raises EstimateError for another format."""
        told = json.loads(text)
        if told.get("format") != FORMAT:
            raise EstimateError(f"These are not influence tables of the format {FORMAT}.")
        strata = pd.DataFrame(told["strata"], index=range(len(told["strata"])))
        moments = Moments(np.asarray(told["moments"]["time"], float), _ints(told["moments"]["step"]))
        steps, groups = len(moments), len(strata)
        shapes = {"hazard": (steps, groups, -1), "share": (steps, groups, -1), "initial": (groups, -1)}
        arrays = {
            name: np.asarray(told[name], float).reshape(
                [len(told["transitions" if name == "hazard" else "states"]) if n < 0 else n for n in shape]
            )
            for name, shape in shapes.items()
        }
        return InfluenceTables(
            strata=strata,
            states=tuple(told["states"]),
            transitions=tuple((a, b) for a, b in told["transitions"]),
            start_time=np.asarray(told["start_time"], float),
            start_step=_ints(told["start_step"]),
            sample=np.asarray(told["sample"], float),
            moments=moments,
            times=tuple(told["times"]),
            horizons=tuple(told["horizons"]),
            **arrays,
        )

    def lookups(self, group: int, first: int, last: int) -> Lookups:
        """The running tables of one stratum for targets ``first`` to ``last`` (excluded)."""
        steps = self._steps(group)
        ahead = self._ahead(steps, group, first, last)
        return Lookups.build(self, group, steps.matrix[:, 0], ahead)

    def _steps(self, group: int) -> Steps:
        states = len(self.states)
        matrix = np.tile(np.eye(states), (len(self.moments), 1, 1))
        for number, (source, target) in enumerate(self.transitions):
            matrix[:, source, target] += self.hazard[:, group, number]
            matrix[:, source, source] -= self.hazard[:, group, number]
        empty = np.zeros((len(self.moments), 1, states))
        return Steps(np.arange(len(self.moments)), self.moments, matrix[:, None], empty)

    def _ahead(self, steps: Steps, group: int, first: int, last: int) -> Floats:
        """What each state after each step still leads to: [K + 1, H, targets × H]."""
        times = np.asarray(self.times[first:last], float)
        horizons = self.horizons[max(first - len(self.times), 0) : max(last - len(self.times), 0)]
        states = len(self.states)
        parts = [probabilities_to(steps, times)[:, 0].reshape(len(steps) + 1, states, -1)]
        since = self.start_time[group : group + 1]
        parts += [time_to_come(steps, since, horizon)[:, 0] for horizon in horizons]
        return np.concatenate(parts, axis=2)


_ARRAYS = ("hazard", "share", "initial", "sample", "start_time", "start_step")


@dataclass(frozen=True)
class Lookups:
    """The influence of parts of stays, one row each, for one stratum.

    ``start`` [H, C]: being in a state at the start. ``running`` [K + 1, H, C]: of being at risk in a state
    from the start through a step, taken from zero. ``jump`` [K, M, C]: of a transition at a step.
    """

    start: Floats
    running: Floats
    jump: Floats
    transitions: Ints = field(repr=False)

    @staticmethod
    def build(tables: InfluenceTables, group: int, matrix: Floats, ahead: Floats) -> Lookups:
        """From the hazards of one stratum and what its states lead to."""
        share = tables.share[:, group, :, None]
        expected = share * (matrix @ ahead[1:] - ahead[1:])
        running = np.concatenate([np.zeros_like(ahead[:1]), np.cumsum(expected, axis=0)])
        moves = np.array(tables.transitions, np.int64).reshape(-1, 2)
        jump = share[:, moves[:, 0]] * (ahead[1:][:, moves[:, 1]] - ahead[1:][:, moves[:, 0]])
        size = tables.sample[group]
        start = (ahead[0] - tables.initial[group] @ ahead[0]) / size if size else np.zeros_like(ahead[0])
        return Lookups(start, running, jump, moves)

    def rows(self, keys: Ints) -> Floats:
        """The rows of the keys, in order; see ``Keys``."""
        keys_of = Keys(self.running.shape[1], len(self.running) - 1, len(self.transitions))
        states, moves = keys_of.states, max(keys_of.moves, 1)
        edges = np.searchsorted(keys, [keys_of.stay, keys_of.move, keys_of.linked])
        start, stay, move, linked = np.split(keys, edges)
        running = self.running.reshape(-1, self.running.shape[2])
        ends = np.concatenate([move - keys_of.move, linked - keys_of.linked])
        step, number = ends // moves, ends % moves
        source = self.transitions[number, 0] if len(ends) else ends
        left = self.jump[step, number] - running[(step + 1) * states + source]
        target = self.transitions[number, 1] if len(ends) else ends
        left[len(move) :] += running[(step + 1) * states + target][len(move) :]
        return np.concatenate([self.start[start], running[stay - keys_of.stay], left])


@dataclass(frozen=True)
class Keys:
    """Numbers of the rows of ``Lookups``: starts, then stays, then moves, then moves followed by a stay."""

    states: int
    steps: int
    moves: int

    @property
    def stay(self) -> int:
        """First of the stays: step × states + state."""
        return self.states

    @property
    def move(self) -> int:
        """First of the moves: step × moves + move; −running of the state left, and the jump."""
        return self.stay + (self.steps + 1) * self.states

    @property
    def linked(self) -> int:
        """First of the moves whose next stay is known to begin there: + running of the state entered."""
        return self.move + self.steps * self.moves

    @property
    def all(self) -> int:
        """How many there are."""
        return self.linked + self.steps * self.moves


def influence_tables(
    fit: Occupation, times: Sequence[float] = (), horizons: Sequence[float] = ()
) -> InfluenceTables:
    """What a second pass needs for robust variances of occupation at ``times`` and of expected time.

    Raises EstimateError when nothing is asked for, or times are negative or missing.
    """
    asked = np.array([*times, *horizons], float)
    if asked.size == 0 or not np.all(asked >= 0):
        raise EstimateError("A robust variance is of given times, zero or more; at least one is needed.")
    steps, risk = fit.steps, fit.risk
    source, target = np.array(risk.transitions, np.int64).reshape(-1, 2).T
    return InfluenceTables(
        strata=risk.strata,
        states=risk.states,
        transitions=risk.transitions,
        start_time=fit.start.time,
        start_step=fit.start.step,
        initial=fit.start.initial,
        sample=fit.start.sample,
        moments=steps.moments,
        hazard=steps.matrix[:, :, source, target],
        share=steps.shares(fit.probability[:-1]),
        times=tuple(float(time) for time in times),
        horizons=tuple(float(horizon) for horizon in horizons),
    )


def records(strata: pd.DataFrame) -> list[dict[str, object]]:
    """Strata as plain records, for JSON."""
    plain = strata.astype(object).where(strata.notna(), None)
    return [
        {str(name): getattr(value, "item", lambda value=value: value)() for name, value in row.items()}
        for row in plain.to_dict(orient="records")
    ]


def _ints(values: Sequence[int]) -> Ints:
    return np.asarray(values, np.int64)
