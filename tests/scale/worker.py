"""Which worker a process is; apart from the rest because every process of Airflow imports it."""

import os

VARIABLE = "SCALE_WORKER"


def name() -> str:
    """What Airflow writes beside a task instance in place of the host's name (``core.hostname_callable``)."""
    return os.environ.get(VARIABLE, "not a worker")
