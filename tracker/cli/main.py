"""Assembles the commands, and turns our errors into a sentence and an exit code."""

from __future__ import annotations

import os
import sys

import typer

from tracker.cli import (
    airflow,
    analyse,
    demo,
    disk,
    export,
    flow_tables,
    guard,
    operate,
    output,
    safekeeping,
    steward,
    study,
)
from tracker.domain.errors import TrackerError

EPILOG = """
Exit codes: 0 done · 1 failed · 2 wrong use · 3 a file was rejected or waits for confirmation ·
4 database unavailable · 5 schema old or new · 6 keys · 7 snapshot · 8 not found · 9 no honest estimate ·
10 not as recorded.
Settings are TRACKER_* variables; TRACKER_HOME (default ./.tracker) holds everything.
"""

app = typer.Typer(
    name="tracker",
    help="One pseudonymous timeline per child, from the files municipalities send to an honest flow summary.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command(rich_help_panel="Begin")(demo.demo)
app.command(rich_help_panel="Begin")(demo.synth)
app.command(rich_help_panel="Begin")(steward.spec)
app.add_typer(operate.db, name="db", rich_help_panel="Operate")
app.add_typer(operate.key, name="key", rich_help_panel="Operate")
app.command(rich_help_panel="Operate")(operate.ingest)
app.command(rich_help_panel="Operate")(operate.deliveries)
app.command(rich_help_panel="Operate")(operate.confirm)
app.command(rich_help_panel="Operate")(operate.dismiss)
app.command(rich_help_panel="Operate")(operate.feedback)
app.command(rich_help_panel="Operate")(airflow.airflow)
app.add_typer(operate.quarantine, name="quarantine", rich_help_panel="Operate")
app.command(rich_help_panel="Operate")(safekeeping.status)
app.command(rich_help_panel="Operate")(safekeeping.retention)
app.command(rich_help_panel="Guard")(guard.verify)
app.command(rich_help_panel="Guard")(guard.anchor)
app.add_typer(guard.erase, name="erase", rich_help_panel="Guard")
app.add_typer(safekeeping.backup, name="backup", rich_help_panel="Guard")
app.command(rich_help_panel="Guard")(safekeeping.restore)
app.add_typer(steward.codes, name="codes", rich_help_panel="Give meaning")
app.command(rich_help_panel="Study")(study.timeline)
app.command(rich_help_panel="Study")(study.snapshot)
app.command(rich_help_panel="Study")(study.diff)
app.command(rich_help_panel="Study")(study.flow)
app.command(rich_help_panel="Study")(study.figures)
app.command(rich_help_panel="Study")(study.pathways)
app.command(rich_help_panel="Study")(analyse.analyse)
app.command(rich_help_panel="Study")(export.export)
app.command("exports", rich_help_panel="Study")(export.list_exports)
app.add_typer(flow_tables.flow_table, name="flow-table", rich_help_panel="Study")


def main() -> None:
    """Run the command line; an error of ours ends it with its sentence and its exit code."""
    try:
        app()
    except TrackerError as error:
        output.errors.print(f"[bold red]tracker:[/] {output.escape(str(error))}", highlight=False)
        remedy = getattr(error, "remedy", "")
        if remedy:
            output.errors.print(output.escape(remedy), highlight=False)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        sys.exit(disk.tell(error))
