"""What is injured how often, and how injuries are put together into rounds."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tests.chaos import clocks, connections, crowds, loaders, scheduled, servers
from tests.chaos.disks import NoSmallDisk, small_database, small_store
from tests.chaos.injuries import Injury
from tests.chaos.scene import Round, Scene
from tests.chaos.verdict import Verdict, finish

Injure = Callable[[Round], Injury]

LOADERS: Mapping[str, tuple[int, Injure]] = {
    "loader: first process": (40, loaders.first_process),
    "loader: worker": (40, loaders.worker),
    "loader: whole group": (40, loaders.whole_group),
    "loader: reading child": (20, loaders.reading_child),
    "loader: reading server": (10, loaders.reading_server),
}
SERVERS: Mapping[str, tuple[int, Injure]] = {
    "postgres: postmaster killed": (10, servers.postmaster_killed),
    "postgres: backend killed": (15, servers.backend_killed),
    "postgres: immediate stop": (8, servers.stopped_immediately),
    "postgres: fast restart": (7, servers.restarted),
}
CONNECTIONS: Mapping[str, tuple[int, Injure]] = {
    "connections: dropped": (8, connections.dropped),
    "connections: refused": (4, connections.refused),
    "connections: halted": (4, connections.halted),
    "connections: halted and dropped": (4, connections.halted_and_dropped),
}
CLOCKS: Mapping[str, tuple[int, Injure]] = {
    "clock: of the load": (3, clocks.of_the_load),
    "clock: of the server": (3, clocks.of_the_server),
}
CROWDS: Mapping[str, tuple[int, Injure]] = {
    "the same files twice at once": (5, crowds.two_at_once),
    "eight loads at once": (2, crowds.eight_at_once),
}
"""How many of each the whole run makes."""


@dataclass(frozen=True)
class Kind:
    """Injuries that may share a round: how many a round may have, and how each is made."""

    most: int
    injuries: Mapping[str, tuple[int, Injure]]


KINDS = (Kind(8, LOADERS), Kind(6, SERVERS), Kind(5, CONNECTIONS), Kind(2, CLOCKS), Kind(1, CROWDS))

DISKS: Mapping[str, tuple[int, Callable[[Round], AbstractContextManager[Injury]]]] = {
    "disk full: store": (3, small_store),
    "disk full: database": (3, small_database),
}
"""Each a round of its own: the disk must last as long as the installation."""

AIRFLOW = {scheduled.TASK: 6, scheduled.SCHEDULER: 4}

Judged = tuple[list[Injury], Verdict]


def planned(share: float) -> dict[str, int]:
    """How many of each kind a share of the whole run makes, one at least."""
    every = {name: count for kind in KINDS for name, (count, _) in kind.injuries.items()}
    every |= {name: count for name, (count, _) in DISKS.items()} | AIRFLOW
    return {name: max(1, round(count * share)) for name, count in every.items()}


def next_round(done: Mapping[str, int], plan: Mapping[str, int], seed: str) -> list[str]:
    """The injuries of the next round, by chance among those still to be made; none when all are made."""
    for most, names in (*((kind.most, kind.injuries) for kind in KINDS), *((1, [one]) for one in DISKS)):
        left = [name for name in names for _ in range(plan[name] - done.get(name, 0))]
        if left:
            random.Random(seed).shuffle(left)
            return left[:most]
    left = [name for name in AIRFLOW for _ in range(plan[name] - done.get(name, 0))]
    random.Random(seed).shuffle(left)
    return left[:5]


def perform(scene: Scene, names: Sequence[str], seed: str) -> Judged:
    """One round: these injuries, an undisturbed run, and the verdict."""
    place = scene.place("round")
    round_ = Round(scene, place, random.Random(seed))
    try:
        if names[0] in AIRFLOW:
            return scheduled.perform(round_, names)
        if names[0] in DISKS:
            return _on_a_small_disk(round_, names[0])
        return _one_after_the_other(round_, names)
    finally:
        servers.bring_up(scene.server)
        scene.drop(place)


def _one_after_the_other(round_: Round, names: Sequence[str]) -> Judged:
    """Until everything is in: the injuries left then belong to another round."""
    injure = {name: made for kind in KINDS for name, (_, made) in kind.injuries.items()}
    injuries: list[Injury] = []
    for name in names:
        if round_.left():
            injuries.append(injure[name](round_))
    return injuries, finish(round_)


def _on_a_small_disk(round_: Round, name: str) -> Judged:
    try:
        with DISKS[name][1](round_) as injury:
            return [injury], finish(round_)
    except NoSmallDisk as reason:
        return [Injury(name, "", False, skipped=str(reason))], Verdict(0, 0, [])
