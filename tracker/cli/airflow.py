"""The command that brings Airflow up beside the tracker."""

from __future__ import annotations

import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker import wiring
from tracker.cli.operate import settings
from tracker.cli.output import console, errors
from tracker.domain.errors import DatabaseUnavailable, UsageError
from tracker.postgres import schema
from tracker.postgres.embedded import EmbeddedServer
from tracker.pseudonymise.keyring import Keyring
from tracker.pseudonymise.operator_key import has_operator_key
from tracker.settings import Settings

if TYPE_CHECKING:
    from tracker.desk.airflow_services import Address


def airflow(
    dags: Annotated[Path, typer.Option(help="Folder of the DAGs.")] = Path("dags"),
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8080,
) -> None:
    """Bring up Airflow with the DAGs, on its own database of the same server, until Ctrl-C.

    Files put into the inbox then load by themselves. The keys are made when there are none yet.

    Example: [bold]tracker airflow --port 8080[/]
    """
    from tracker.desk.airflow_leftovers import alone

    chosen = settings()
    with alone(chosen.home / "airflow"):
        _run(chosen, dags, _free_port(port))


def _run(chosen: Settings, dags: Path, port: int) -> None:
    from tracker.desk import airflow_services

    url = wiring.database_url(chosen)
    schema.upgrade(url)
    if not chosen.keys.exists():
        Keyring.create(chosen.keys)
    chosen.inbox.mkdir(parents=True, exist_ok=True)
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell's background job begins with it ignored
    signal.signal(signal.SIGTERM, lambda number, frame: signal.raise_signal(signal.SIGINT))
    try:
        with airflow_services.airflow(chosen, url, dags, port, _say) as (address, running):
            _greet(chosen, address)
            while all(process.poll() is None for process in running):
                time.sleep(1)
            raise DatabaseUnavailable(f"one of Airflow's services stopped; what it said is in {address.logs}")
    except KeyboardInterrupt:
        console.print("stopped")
    finally:
        if not chosen.database_url:
            EmbeddedServer(chosen.postgres).stop()


def _greet(chosen: Settings, address: Address) -> None:
    console.print(f"Airflow    {address.url}\nlogin      {address.user} / {address.password}")
    console.print(f"inbox      {chosen.inbox}\nlogs       {address.logs}", soft_wrap=True)
    if not any(chosen.inbox.iterdir()):
        console.print(f"to try it  {sys.argv[0]} synth {chosen.home} --plan tiny", soft_wrap=True)
    if not has_operator_key(chosen.keys):
        console.print(f"backups    none before: {sys.argv[0]} backup key --out FILE", soft_wrap=True)
    console.print("The inbox is looked into every ten minutes; at once: Trigger ingest_deliveries.")
    console.print("Ctrl-C stops all of it")


def _say(step: str) -> None:
    errors.print(f"starting: {step}", highlight=False)


def _free_port(port: int) -> int:
    """The port asked for, any free one for 0; raises ``UsageError`` for one that is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise UsageError(
                f"port {port} of 127.0.0.1 is taken; choose another: make airflow PORT={port + 1}"
            ) from None
        return int(probe.getsockname()[1])
