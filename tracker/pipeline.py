"""The story in plain calls: a file is taken in, read, pseudonymised, decided on and appended; then projected.

Everything a step needs is handed to it in ``Tools``; ``wiring`` makes those for a database, keys and files.
"""

from __future__ import annotations

import errno
import gc
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import forkserver, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from typing import Protocol
from uuid import uuid4

from tracker.domain.delivery import DeliveryState
from tracker.domain.errors import DatabaseUnavailable, RejectedFile, StoreUnavailable, TrackerError
from tracker.harmonise.claims import claim
from tracker.intake.extract import extract
from tracker.intake.parcel import Parcel
from tracker.intake.privacy_guard import safe_text
from tracker.intake.raw import Limits
from tracker.intake.sidecar import read_sidecar
from tracker.intake.store import Store
from tracker.pseudonymise.keyring import Keyring
from tracker.pseudonymise.pseudonymise import pseudonymise
from tracker.pseudonymise.vault import HashedId, SubjectRef, SubjectSource, Vault
from tracker.record.log import EventLog, FileTaken, Receipt, Registration
from tracker.record.stage import StagedDelivery, stage
from tracker.telling import Timed


class IntakeLog(EventLog, Protocol):
    """An event log that also keeps what could not be read, and can look before it leaps."""

    def register_all(self, files: Sequence[FileTaken]) -> list[Registration]:
        """``register`` for several files, in order."""

    def reject(self, delivery_no: int, rejected: RejectedFile) -> Receipt:
        """Record that a file could not be read."""

    def preview(self, staged: StagedDelivery) -> Receipt:
        """What loading would do; nothing is kept."""


@dataclass(frozen=True)
class Tools:
    """What the steps work with."""

    log: IntakeLog
    vault: Vault
    keyring: Keyring
    store: Store
    limits: Limits
    hold_share: float


@dataclass(frozen=True)
class Delivered:
    """A file as delivered, with its sidecar."""

    municipality: str
    file_name: str
    parcel: Parcel


@dataclass(frozen=True)
class TakenIn:
    """A delivered file that lies, encrypted, in the intake store and has its number."""

    delivery_no: int
    municipality: str
    file_name: str
    digest: bytes
    size: int
    state: DeliveryState = DeliveryState.RECEIVED


def take_in(municipality: str, file_name: str, parcel: Parcel, tools: Tools) -> TakenIn:
    """Store a file as delivered, encrypted, and give it its number. The same content again is the same."""
    return take_in_all([Delivered(municipality, file_name, parcel)], tools)[0]


def take_in_all(files: Sequence[Delivered], tools: Tools) -> list[TakenIn]:
    """``take_in`` for several files at once, in order: none is registered before all are stored."""
    _keep([file.parcel for file in files], tools.store)
    known = tools.log.register_all([_shown(file) for file in files])
    return [
        TakenIn(one.delivery_no, *_shown(file), one.state) for file, one in zip(files, known, strict=True)
    ]


def _shown(file: Delivered) -> FileTaken:
    name = safe_text(file.file_name)  # a name can hold a national id
    return FileTaken(file.municipality, name, file.parcel.digest, len(file.parcel.content))


def _keep(parcels: Sequence[Parcel], store: Store) -> None:
    try:
        store.put_all([parcel.pack() for parcel in parcels])
    except OSError as error:
        raise StoreUnavailable(
            f"the intake store cannot keep a file ({error.strerror}); make room or set TRACKER_STORE, "
            "and run the same command again"
        ) from None


def load(taken: TakenIn, tools: Tools, *, hold_share: float | None = None, retry: bool = False) -> Receipt:
    """Read a stored file, decide what is new in it, append that. A file that cannot be read is rejected.

    ``hold_share`` 1.0 confirms a held delivery; ``retry`` reads the file again after a mend.
    """
    with Timed("load", delivery=taken.delivery_no, municipality=taken.municipality) as told:
        receipt = _load(taken, tools, hold_share, retry=retry)
        told.facts |= {"state": receipt.state.value, "rows": receipt.rows_read}
        told.facts |= {outcome.value: count for outcome, count in receipt.outcomes.items()}
        told.facts |= {"retracted": receipt.retractions, "position": receipt.last_position}
    return receipt


def _load(taken: TakenIn, tools: Tools, hold_share: float | None, *, retry: bool) -> Receipt:
    try:
        staged = read(taken.municipality, taken.file_name, _stored(taken, tools), tools, tools.vault)
    except RejectedFile as rejected:
        return tools.log.reject(taken.delivery_no, rejected)
    limit = tools.hold_share if hold_share is None else hold_share
    return tools.log.load(taken.delivery_no, staged, hold_share=limit, retry=retry)


def read(
    municipality: str, file_name: str, parcel: Parcel, tools: Tools, subjects: SubjectSource
) -> StagedDelivery:
    """From bytes to candidate events; raises ``RejectedFile`` when the file cannot be used."""
    sidecar = None if parcel.sidecar is None else read_sidecar(parcel.sidecar)
    delivered = extract(file_name, parcel.content, municipality, sidecar, limits=tools.limits)
    return stage(pseudonymise(claim(delivered), tools.keyring, subjects))


def preview(municipality: str, file_name: str, parcel: Parcel, tools: Tools) -> Receipt:
    """What loading a file would do, with nothing kept: no file, no subject, no event."""
    staged = read(municipality, file_name, parcel, tools, _PassingSubjects(tools.vault))
    return tools.log.preview(staged)


class _PassingSubjects:
    """Known subjects from the vault; unknown ids get one for this look only, and the vault learns nothing."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault

    def subjects_for(self, ids: Sequence[HashedId], municipality: str) -> list[SubjectRef]:
        """Known subjects, and passing ones for the rest."""
        passing: dict[bytes, SubjectRef] = {}
        return [
            found or passing.setdefault(one.id_hmac, SubjectRef(str(uuid4())))
            for one, found in zip(ids, self.vault.lookup(ids), strict=True)
        ]


def _stored(taken: TakenIn, tools: Tools) -> Parcel:
    return Parcel.unpack(tools.store.get(taken.digest.hex()))


# -- many at once ------------------------------------------------------------------------------------


class WorkerDied(TrackerError):
    """A loading process was ended from outside; its delivery is not in, and stays visible as received."""

    def __init__(self) -> None:
        super().__init__(
            "a loading process was killed, by hand or for want of memory; what is done is kept: "
            "run the same command again, with fewer --workers if memory is short"
        )


OpenTools = Callable[[], Tools]
"""Makes the tools anew in a worker process; must be picklable."""


def load_all(
    waiting: Sequence[TakenIn], open_tools: OpenTools, workers: int
) -> Iterator[tuple[TakenIn, Receipt]]:
    """Load deliveries, one municipality's in the order given, different ones beside each other.

    Yields each with its receipt as it is done. A delivery that fails stops nobody but its own sender's
    later ones, and its error is raised when the others are done; only a database that is gone, or a worker
    that was killed (``WorkerDied``), ends the run at once. What is not in stays visible as received.
    """
    try:
        yield from _load_beside(waiting, open_tools, workers)
    except BrokenProcessPool:
        raise WorkerDied from None


def prepare_workers() -> ForkServerContext:
    """Start the process that workers are forked from, unless it runs; returns at once.

    It imports what they need once for all of them. Called before files are taken in, it does so meanwhile.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["__main__", "tracker.wiring"])
    forkserver.ensure_running()
    return context


def _load_beside(
    waiting: Sequence[TakenIn], open_tools: OpenTools, workers: int
) -> Iterator[tuple[TakenIn, Receipt]]:
    failed: list[BaseException] = []
    queues = _by_municipality(waiting)
    context = prepare_workers()
    work, end_of_work = context.Pipe(duplex=False)
    with (
        work,
        ProcessPoolExecutor(
            workers, mp_context=context, initializer=_open_worker, initargs=(open_tools, work)
        ) as pool,
        end_of_work,  # closed first: see _end_with_the_work
    ):
        running: dict[Future[Receipt], TakenIn] = {}
        for _ in range(workers):  # none more: who has read a file of a sender is to read its next
            _start_next(pool, queues, running)
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                taken = running.pop(future)
                if error := future.exception():
                    _give_up(error, failed)
                    queues.pop(taken.municipality)
                else:
                    yield taken, future.result()
                _start_next(pool, queues, running)
    if failed:
        raise failed[0]


def _give_up(error: BaseException, failed: list[BaseException]) -> None:
    if isinstance(error, DatabaseUnavailable | BrokenProcessPool):
        raise error
    failed.append(error)


def _by_municipality(waiting: Sequence[TakenIn]) -> dict[str, list[TakenIn]]:
    """Queues, the heaviest municipality first so that no long one is left for the end."""
    queues: dict[str, list[TakenIn]] = {}
    for taken in waiting:
        queues.setdefault(taken.municipality, []).append(taken)
    return dict(sorted(queues.items(), key=lambda item: -sum(taken.size for taken in item[1])))


def _start_next(
    pool: ProcessPoolExecutor, queues: dict[str, list[TakenIn]], running: dict[Future[Receipt], TakenIn]
) -> None:
    busy = {taken.municipality for taken in running.values()}
    free = next((name for name, queue in queues.items() if queue and name not in busy), None)
    if free is not None:
        taken = queues[free].pop(0)
        running[_submit(pool, taken)] = taken


def _submit(pool: ProcessPoolExecutor, taken: TakenIn) -> Future[Receipt]:
    try:
        return pool.submit(_load_in_worker, taken)
    except OSError as error:
        # A worker that dies while another is being started takes the pipes along that one was to be given.
        if error.errno != errno.EBADF:
            raise
        raise BrokenProcessPool from None


_worker: list[Tools] = []

_YOUNG_OBJECTS = 200_000
"""Objects a worker makes between two searches for cycles: rows are hundreds of thousands, and in none."""


def _open_worker(open_tools: OpenTools, work: Connection) -> None:
    threading.Thread(target=_end_with_the_work, args=(work,), daemon=True).start()
    _worker.append(open_tools())
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])


def _end_with_the_work(work: Connection) -> None:
    """End when the parent closes its end of the pipe: it is done, or was killed.

    A worker left to itself would wait for ever, and keep its sessions, when its parent was killed; and when
    another worker was killed while it waited for work: that one takes the lock of the queue with it.
    """
    work.poll(None)
    os._exit(0)


def _load_in_worker(taken: TakenIn) -> Receipt:
    return load(taken, _worker[0])
