"""The demonstration, and synthetic municipalities."""

from __future__ import annotations

import os
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker import pipeline, wiring
from tracker.cli.output import console, errors, progress_bar, spinner
from tracker.desk import intake_desk
from tracker.domain.delivery import DeliveryState
from tracker.postgres import reading, schema
from tracker.postgres.embedded import EmbeddedServer
from tracker.pseudonymise.keyring import Keyring
from tracker.settings import Settings

if TYPE_CHECKING:
    from tracker.synth.plan import Plan

SEED = 20250701


class PlanName(StrEnum):
    """Synthetic plans to choose from."""

    TINY = "tiny"
    DEMO = "demo"
    NATIONAL_YEAR = "national-year"


def synth(
    out: Annotated[Path, typer.Argument(help="Folder for inbox/ and truth/.")],
    plan: Annotated[PlanName, typer.Option(help="How much.")] = PlanName.DEMO,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = SEED,
) -> None:
    """Write SYNTHETIC municipalities: a messy inbox, and the truth beside it. No real child's number is made.

    Example: [bold]tracker synth playground --plan tiny[/]
    """
    _generate(out, _plan(plan), seed)
    console.print(f"SYNTHETIC deliveries in {out / 'inbox'}, the truth in {out / 'truth'}")


def demo(
    home: Annotated[Path, typer.Option(help="Folder for everything the demo makes.")] = Path("demo"),
) -> None:
    """The whole story on SYNTHETIC municipalities: messy files to flow summary. Safe to run again."""
    settings = _settings(home)
    place = _prepare(settings)
    try:
        if not settings.inbox.exists():
            _generate(settings.home, _plan(PlanName.DEMO), SEED)
        _ingest(place)
        folder = _snapshot(place)
        _feedback(place, folder)
        _show(folder, settings.home)
    finally:
        if not settings.database_url:
            EmbeddedServer(settings.postgres).stop()


def _settings(home: Path) -> Settings:
    """The settings of the environment, with everything moved under the demo's home."""
    home = home.absolute()
    chosen = Settings.from_environment(os.environ)
    inbox, outbox, store, keys = (home / name for name in ("inbox", "outbox", "store", "keys"))
    return replace(chosen, home=home, inbox=inbox, outbox=outbox, store=store, keys=keys)


def _prepare(settings: Settings) -> wiring.Installation:
    settings.home.mkdir(parents=True, exist_ok=True)
    with spinner("PostgreSQL") as step:
        step("starting")
        url = wiring.database_url(settings)
        step("migrating")
        schema.upgrade(url)
    if not settings.keys.exists():
        Keyring.create(settings.keys)
    return wiring.open_installation(settings)


def _plan(name: PlanName) -> Plan:
    from tracker.synth.plan import Plan

    plans = {
        PlanName.TINY: Plan.tiny,
        PlanName.DEMO: Plan.demo,
        PlanName.NATIONAL_YEAR: Plan.national_year,
    }
    return plans[name]()


def _generate(out: Path, plan: Plan, seed: int) -> None:
    from tracker.synth.generate import generate

    with spinner("SYNTHETIC municipalities") as step:
        generate(out, plan, seed, lambda what, done, total: step(f"{what} {done}/{total}"))


def _ingest(place: wiring.Installation) -> None:
    found = intake_desk.find(place.settings.inbox)
    pipeline.prepare_workers()
    with progress_bar("taking in", len(found.files)) as step:
        waiting = intake_desk.take_in(found.files, place, step)
    states = dict.fromkeys(DeliveryState, 0)
    with progress_bar("loading", len(waiting)) as step:
        for taken, receipt in pipeline.load_all(waiting, place.tools(), place.settings.workers):
            states[receipt.state] += 1
            step(f"{taken.municipality} {receipt.state}")
    said = ", ".join(f"{number} {state}" for state, number in states.items() if number) or "nothing new"
    errors.print(f"{len(found.files)} files: {said}; {len(found.files) - len(waiting)} were in already")


def _snapshot(place: wiring.Installation) -> Path:
    from tracker.desk.snapshots import resolve, take_snapshot

    folder = place.settings.home / "snapshot"
    with spinner("snapshot") as step:
        take_snapshot(place.url, folder, place.codebooks(), resolve(place.url, None), step)
    return folder


def _feedback(place: wiring.Installation, snapshot: Path) -> None:
    from tracker.desk.feedback import send_feedback
    from tracker.desk.flows import newest_flows

    numbers = [d.delivery_no for d in reading.deliveries(place.url)]
    with progress_bar("feedback to senders", len(numbers)) as step:
        send_feedback(numbers, place, step, newest_flows(snapshot))


def _show(snapshot: Path, home: Path) -> None:
    from tracker.projections.flow_summary import flow_summary
    from tracker.projections.pathways import pathways
    from tracker.publish.flow_report import write_flow
    from tracker.publish.flow_terminal import terminal_table
    from tracker.publish.pathway_report import write_pathways
    from tracker.publish.tables import TableFormat

    summary, folder = flow_summary(snapshot), home / "flow"
    written = write_flow(summary, folder, [TableFormat.XLSX, TableFormat.CSV], picture=True)
    written += write_pathways(pathways(snapshot), folder)
    console.print(terminal_table(summary))
    console.print("\nSYNTHETIC data. Picture, page, workbook, pathways:")
    for path in written:
        console.print(f"  {path}", highlight=False, soft_wrap=True)
    console.print(f"snapshot   {snapshot}\nfeedback   {home / 'outbox'}", soft_wrap=True, highlight=False)
    console.print(
        f"go on with [bold]export TRACKER_HOME={home}[/] and then, say, [bold]tracker codes unmapped[/]"
    )
