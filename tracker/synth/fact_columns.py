"""Columns of fact frames: codes by index, true ids, and what is known of the child on a day."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tracker.synth.episodes import Table
from tracker.synth.population import NEVER, Children, age


def text(values: tuple[str, ...], index: np.ndarray) -> np.ndarray:
    """Codes by index; −1 becomes ''."""
    return np.asarray(np.asarray((*values, ""), dtype=object)[index])


def ids(letter: str, numbers: np.ndarray) -> np.ndarray:
    """True ids: a letter for the kind and seven digits; '' for −1."""
    return np.array([f"{letter}{n:07d}" if n >= 0 else "" for n in numbers.tolist()], dtype=object)


def person(frame: Table, people: Children, day: str) -> Table:
    """Sex, birth date and age at ``day``; nothing but age −1 is known of an unborn child."""
    child, on = frame.child.to_numpy(), frame[day].to_numpy()
    unborn = people.birth[child] > on
    return frame.assign(
        sex=np.where(unborn, "", text(("girl", "boy"), people.boy[child].astype(int))),
        birth_date=np.where(unborn, NEVER, people.birth[child]),
        age=age(people.birth[child], on),
        unborn=unborn,
    )


def objects(values: Iterable[object]) -> np.ndarray:
    """A one-dimensional array of tuples (numpy would make two dimensions of them)."""
    listed = list(values)
    result = np.empty(len(listed), dtype=object)
    for k, value in enumerate(listed):
        result[k] = value
    return result
