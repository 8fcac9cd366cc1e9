"""What every DAG of the tracker shares: assets, retries, warnings, and the way into the tracker.

No DAG is defined here; ``.airflowignore`` keeps the file from being read as one.
"""

from __future__ import annotations

import os
from datetime import timedelta
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseNotifier
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryAction, RetryRule

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from tracker.settings import Settings
    from tracker.wiring import Installation

EVENT_LOG = Asset("tracker://event-log")
SNAPSHOT = Asset("tracker://snapshot")

LOADING_POOL = "tracker_loading"
"""How many deliveries load beside each other: slots of this pool."""

ZONE = "Europe/Stockholm"

INFRASTRUCTURE = ExceptionRetryPolicy(
    rules=[
        RetryRule("tracker.domain.errors.DatabaseUnavailable", RetryAction.RETRY),
        RetryRule("tracker.domain.errors.StoreUnavailable", RetryAction.RETRY),
        RetryRule("tracker.domain.errors.InboxUnavailable", RetryAction.RETRY),
        RetryRule(OSError, RetryAction.RETRY),
        RetryRule("tracker.domain.errors.TrackerError", RetryAction.FAIL),
    ]
)
"""A database, disk or inbox that is away for a while is tried again; what is wrong in itself is not."""


class WebhookNotifier(BaseNotifier):
    """Posts which task failed, as JSON, to an address. Never an exception's text, never a row."""

    template_fields = ("url",)

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def notify(self, context: Any) -> None:
        """Post; an address that does not answer is logged and nothing more."""
        import httpx

        try:
            httpx.post(self.url, json=_what_failed(context), timeout=10).raise_for_status()
        except httpx.HTTPError as error:
            self.log.warning("the webhook did not take the message: %s", type(error).__name__)


def _what_failed(context: Any) -> dict[str, Any]:
    task = context["ti"]
    return {
        "dag": task.dag_id,
        "task": task.task_id,
        "run": context["run_id"],
        "map_index": task.map_index,
        "try_number": task.try_number,
        "what_to_do": "see docs/runbook.md, «A task failed»",
    }


def _warnings() -> list[BaseNotifier]:
    """Who is told when a task fails: TRACKER_ALERT_MAIL and TRACKER_ALERT_WEBHOOK, if set."""
    told: list[BaseNotifier] = []
    if mail := os.environ.get("TRACKER_ALERT_MAIL"):
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier

        told.append(
            SmtpNotifier(
                to=mail,
                subject="tracker: {{ ti.dag_id }} / {{ ti.task_id }} failed",
                html_content="Run {{ run_id }}, try {{ ti.try_number }}. "
                "See docs/runbook.md, «A task failed».",
            )
        )
    if url := os.environ.get("TRACKER_ALERT_WEBHOOK"):
        told.append(WebhookNotifier(url))
    return told


TASKS: dict[str, Any] = {
    "owner": "tracker",
    "retries": 5,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=15),
    "retry_policy": INFRASTRUCTURE,
    "on_failure_callback": _warnings(),
    "execution_timeout": timedelta(hours=6),
}
"""Defaults of every task."""


def settings() -> Settings:
    """The worker's TRACKER_* settings."""
    from tracker.settings import Settings

    return Settings.from_environment(os.environ)


def installation() -> Installation:
    """The installation those settings name; raises when its schema is old or new."""
    from tracker.wiring import open_installation

    return open_installation(settings())


PAGE_BYTES = 64_000
"""More of a page is not read: it travels with the DAG."""


def show_status(dag: DAG) -> None:
    """Put Monday's page, as it was last written, above what the DAG says of itself."""
    dag.doc_md = f"{_status_page()}\n### What this does\n\n{cleandoc(dag.doc_md or '')}"


def document(dag: DAG) -> None:
    """Show each task's docstring in its page: Airflow leaves mapped ones without, others as code."""
    for task in dag.tasks:
        said = cleandoc(task.python_callable.__doc__)
        if isinstance(task, MappedOperator):
            task.partial_kwargs["doc_md"] = said
        else:
            task.doc_md = said


def _status_page() -> str:
    """Read where the tasks wrote it, without opening the tracker: this runs whenever the file is parsed."""
    path = Path(os.environ.get("TRACKER_HOME") or ".tracker", "status", "status.md")
    try:
        with path.open("rb") as file:
            return file.read(PAGE_BYTES).decode(errors="ignore")
    except OSError:
        return "*What needs a hand stands here after the first night or snapshot. See* `tracker status`.\n"
