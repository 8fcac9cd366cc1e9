"""A whole ingest killed, starved and doubled: one more run, and the log is that of an undisturbed one."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import NewInstallation, installed
from tests.e2e.ingesting import ATTEMPTED, TAKEN_IN, Ingest, wait_for
from tests.e2e.log_content import Content, content, problems_of_accounting
from tracker.domain.delivery import DeliveryState
from tracker.domain.errors import DatabaseUnavailable
from tracker.postgres import reading
from tracker.postgres.embedded import EmbeddedServer
from tracker.postgres.engine import close
from tracker.postgres.schema import upgrade
from tracker.synth.generate import generate
from tracker.synth.plan import Plan
from tracker.wiring import Installation

SEED = 7


@dataclass(frozen=True)
class Undisturbed:
    """A synthetic inbox, what an ingest that nothing disturbs makes of it, and the keys it used."""

    inbox: Path
    keys: Path
    files: int
    content: Content


@pytest.fixture(scope="module")
def undisturbed(new_installation: NewInstallation, open_directory: Path) -> Undisturbed:
    generate(open_directory / "tiny", Plan.tiny(), SEED, None)
    inbox = open_directory / "tiny" / "inbox"
    place = new_installation(open_directory / "undisturbed")
    code, said = Ingest(place, inbox).end()
    assert code == 0, said
    files = sum(path.suffix != ".yml" for path in inbox.rglob("*.*"))
    return Undisturbed(inbox, place.settings.keys, files, content(place.url))


@pytest.fixture
def place(
    new_installation: NewInstallation,
    undisturbed: Undisturbed,
    open_directory: Path,
    request: pytest.FixtureRequest,
) -> Installation:
    """An installation of the test's own, with the keys of the undisturbed one."""
    return new_installation(open_directory / f"interrupted-{request.node.name}", undisturbed.keys)


def run_once_more(place: Installation, undisturbed: Undisturbed) -> None:
    """One more run finishes what was left."""
    code, said = Ingest(place, undisturbed.inbox).end()
    assert code == 0, said
    assert_complete(place, undisturbed)


def assert_complete(place: Installation, undisturbed: Undisturbed) -> None:
    """Everything is in once and accounted for, each file kept and each sender told."""
    assert content(place.url) == undisturbed.content
    assert problems_of_accounting(place.url) == []
    told = {path.name for path in place.settings.outbox.rglob("*.xlsx")}
    assert told == {f"aterkoppling-{d.delivery_no:05d}.xlsx" for d in reading.deliveries(place.url)}
    assert len(told) == undisturbed.files
    stored = [path for path in place.settings.store.rglob("*") if path.is_file() and path.suffix != ".part"]
    assert len(stored) == undisturbed.files


def test_the_undisturbed_log_says_something(undisturbed: Undisturbed) -> None:
    kinds = {said[3] for events in undisturbed.content for said in events}
    assert {"recorded", "corrected"} <= kinds or {"recorded", "retracted"} <= kinds
    assert sum(undisturbed.content.values()) > 250


def test_killed_four_times_at_any_moment(place: Installation, undisturbed: Undisturbed) -> None:
    rng = random.Random(SEED)
    quarter = undisturbed.files // 4
    moments = [(TAKEN_IN, rng.randint(2, undisturbed.files - 2))]
    moments += [(ATTEMPTED, n * quarter + rng.randint(1, quarter - 1)) for n in range(3)]
    for number, (query, least) in enumerate(moments):
        ingest = Ingest(place, undisturbed.inbox)
        ingest.wait_until(query, least)
        time.sleep(rng.uniform(0, 0.1))
        if number == 2:  # the first process alone: its workers must not live on without it
            ingest.kill_first()
            assert wait_for(lambda ingest=ingest: not ingest.relatives(), seconds=20)  # type: ignore[misc]
        ingest.kill()
        assert ingest.process.returncode == -signal.SIGKILL, "it was done before it could be killed"
    run_once_more(place, undisturbed)


def test_the_database_dies_in_the_middle(
    place: Installation, undisturbed: Undisturbed, own_server: EmbeddedServer
) -> None:
    ingest = Ingest(place, undisturbed.inbox)
    ingest.wait_until(ATTEMPTED, 5)
    os.kill(int((own_server.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    code, said = ingest.end()
    assert code == DatabaseUnavailable.exit_code, said
    assert "Traceback" not in said
    close(place.url)
    own_server.start()
    states = [delivery.state for delivery in reading.deliveries(place.url)]
    assert DeliveryState.LOADED in states and DeliveryState.RECEIVED in states
    run_once_more(place, undisturbed)


def test_two_ingests_of_one_inbox_at_once(place: Installation, undisturbed: Undisturbed) -> None:
    both = [Ingest(place, undisturbed.inbox) for _ in range(2)]
    for ingest in both:
        code, said = ingest.end()
        assert code == 0, said
    assert_complete(place, undisturbed)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Callable[[str], None]]:
    """A disk of its own at ``folder``; what it yields gives it another size."""

    def mount(*options: str) -> None:
        command = ["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("a small disk can only be mounted by root, with the right to")

    if shutil.which("mount") is None:
        pytest.skip("there is no mount to make a small disk with")
    folder.mkdir(parents=True)
    mount("-o", f"size={size},mode=711")
    try:
        yield lambda larger: mount("-o", f"remount,size={larger}")
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_the_disk_of_the_store_is_full(place: Installation, undisturbed: Undisturbed) -> None:
    with small_disk(place.settings.store, "64k") as resize:
        code, said = Ingest(place, undisturbed.inbox).end()
        assert (code, "No space left on device" in said) == (1, True), said
        assert "Traceback" not in said
        registered = {delivery.digest.hex() for delivery in reading.deliveries(place.url)}
        kept = {path.name for path in place.settings.store.rglob("*") if path.is_file()}
        assert registered <= kept and len(kept) < undisturbed.files, "nothing is promised that is not kept"
        resize("64m")
        run_once_more(place, undisturbed)


def test_the_disk_of_the_database_is_full(undisturbed: Undisturbed, open_directory: Path) -> None:
    home = open_directory / "full-disk"
    with small_disk(home / "postgres", "400m") as _:
        server = EmbeddedServer(home / "postgres")
        try:
            url = server.start()
            upgrade(url)
            place = installed(home, url, undisturbed.keys)
            filler = home / "postgres" / "filler"
            fill(filler, leave=600_000)
            code, said = Ingest(place, undisturbed.inbox).end()
            assert code == DatabaseUnavailable.exit_code, said
            assert "Traceback" not in said
            filler.unlink()
            close(url)
            server.start()
            assert len(content(url)) < len(undisturbed.content)
            run_once_more(place, undisturbed)
        finally:
            close(server.url)
            server.stop()


def fill(path: Path, leave: int) -> None:
    """Write until only ``leave`` bytes are free on the disk."""
    with path.open("wb", buffering=0) as file:
        while (free := shutil.disk_usage(path.parent).free) > leave:
            file.write(bytes(min(1 << 20, free - leave)))
