"""A few of each injury of ``make chaos``, seeded: one more run, and the log is that of an undisturbed one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.chaos import clocks, connections, crowds, loaders, servers
from tests.chaos.disks import NoSmallDisk, small_database, small_store
from tests.chaos.injuries import Injury
from tests.chaos.rounds import next_round, planned
from tests.chaos.scene import Round, Scene, undisturbed
from tests.chaos.verdict import Verdict, compare, finish
from tests.e2e.conftest import NewInstallation
from tracker.postgres.embedded import EmbeddedServer

SEED = 7
Injure = Callable[[Round], Injury]
UNHARMED = Verdict(0, 0, [])


@pytest.fixture(scope="module")
def scene(
    own_server: EmbeddedServer, template: str, new_installation: NewInstallation, open_directory: Path
) -> Scene:
    place = new_installation(open_directory / "undisturbed")
    folder = open_directory / "chaos"
    return Scene(folder, own_server, template, undisturbed(folder, place))


@pytest.fixture
def round_(scene: Scene) -> Iterator[Round]:
    place = scene.place("round")
    yield Round(scene, place, random.Random(SEED), workers=1)
    servers.bring_up(scene.server)
    scene.drop(place)


def test_the_undisturbed_log_says_something(scene: Scene) -> None:
    kinds = {said[3] for events in scene.undisturbed.content for said in events}
    assert {"recorded", "corrected"} <= kinds or {"recorded", "retracted"} <= kinds
    assert sum(scene.undisturbed.content.values()) > 250


@pytest.mark.parametrize(
    "injuries",
    [
        (loaders.first_process, loaders.reading_child, loaders.worker, crowds.two_at_once),
        (servers.backend_killed, connections.dropped, servers.postmaster_killed, clocks.of_the_load),
    ],
    ids=["loads", "servers"],
)
def test_nothing_is_lost_or_doubled(round_: Round, injuries: Sequence[Injure]) -> None:
    hits = 0
    for injure in injuries:
        done = injure(round_)
        assert done.problems == [], done
        hits += done.hit
    assert hits >= len(injuries) // 2, "the injuries hit nothing"
    assert finish(round_) == UNHARMED


@pytest.mark.parametrize("full", [small_store, small_database])
def test_a_disk_is_full(round_: Round, full: Callable[[Round], AbstractContextManager[Injury]]) -> None:
    try:
        with full(round_) as done:
            assert (done.hit, done.problems) == (True, []), done
            assert finish(round_) == UNHARMED
    except NoSmallDisk as reason:
        pytest.skip(str(reason))


def test_a_difference_is_seen(round_: Round, scene: Scene) -> None:
    """A verdict of unharmed means something: of a log without events everything is missed."""
    found = compare(round_.place, scene.undisturbed)
    assert (found.lost, found.doubled) == (sum(scene.undisturbed.content.values()), 0)
    assert "0 deliveries of 24 files" in found.problems


def test_rounds_go_on_until_every_injury_is_made() -> None:
    plan, done, number = planned(0.05), dict.fromkeys(planned(0.05), 0), 0
    while names := next_round(done, plan, f"{SEED}/{number}"):
        number += 1
        assert names == next_round(done, plan, f"{SEED}/{number - 1}")
        for name in names[: 1 + number % 3]:  # some do not hit
            done[name] += 1
    assert done == plan
    assert sum(count for name, count in planned(1).items() if name.startswith("loader")) >= 150
    assert sum(count for name, count in planned(1).items() if name.startswith("postgres")) >= 40
    assert sum(count for name, count in planned(1).items() if name.startswith("airflow")) >= 10
