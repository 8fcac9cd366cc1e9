"""A plausible synthetic log of any size, for measuring the projections: no child in it exists.

Run as a script: ``python tests/national_log.py OUT.parquet EVENTS``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from string import Template

import duckdb

EVENTS_PER_CHILD = 6.55


def write_national_log(out: Path, events: int) -> None:
    """Write about ``events`` events of 97 synthetic municipalities over five years to one Parquet file."""
    text = Template(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    with duckdb.connect() as connection:
        connection.execute("SET memory_limit = '6GB'")
        connection.execute(text.substitute(children=int(events / EVENTS_PER_CHILD), out=out))


if __name__ == "__main__":
    write_national_log(Path(sys.argv[1]), int(sys.argv[2]))
