"""The command that brings Airflow up beside the tracker."""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path
from typing import Annotated

import typer

from tracker import wiring
from tracker.cli.operate import settings
from tracker.cli.output import console, errors
from tracker.domain.errors import DatabaseUnavailable
from tracker.postgres import schema
from tracker.postgres.embedded import EmbeddedServer
from tracker.pseudonymise.keyring import Keyring


def airflow(
    dags: Annotated[Path, typer.Option(help="Folder of the DAGs.")] = Path("dags"),
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8080,
) -> None:
    """Bring up Airflow with the DAGs, on its own database of the same server, until Ctrl-C.

    Files put into the inbox then load by themselves. The keys are made when there are none yet.

    Example: [bold]tracker airflow --port 8080[/]
    """
    from tracker.desk import airflow_services

    chosen = settings()
    url = wiring.database_url(chosen)
    schema.upgrade(url)
    if not chosen.keys.exists():
        Keyring.create(chosen.keys)
    chosen.inbox.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda number, frame: signal.raise_signal(signal.SIGINT))
    try:
        with airflow_services.airflow(chosen, url, dags, port or _free_port(), _say) as (address, running):
            console.print(f"Airflow    {address.url}\nlogin      {address.user} / {address.password}")
            console.print(f"inbox      {chosen.inbox}\nlogs       {address.logs}", soft_wrap=True)
            console.print("Ctrl-C stops all of it")
            while all(process.poll() is None for process in running):
                time.sleep(1)
            raise DatabaseUnavailable(f"one of Airflow's services stopped; what it said is in {address.logs}")
    except KeyboardInterrupt:
        console.print("stopped")
    finally:
        if not chosen.database_url:
            EmbeddedServer(chosen.postgres).stop()


def _say(step: str) -> None:
    errors.print(f"starting: {step}", highlight=False)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
