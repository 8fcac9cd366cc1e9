"""The tasks that are measured, each in a process of its own: ``python -m tests.bench.tasks TASK OUT JSON``.

Each imports only what it needs, so that its memory is its own, and answers with seconds and counts.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

TASKS = {
    "load": "tests.bench.loading:load",
    "read_and_copy": "tests.bench.loading:read_and_copy",
    "copy_log": "tests.bench.projecting:copy_log",
    "snapshot": "tests.bench.projecting:snapshot",
    "read_and_sort": "tests.bench.projecting:read_and_sort",
    "flow": "tests.bench.projecting:flow",
    "flow_table": "tests.bench.flow_table:flow_table",
    "flow_table_alone": "tests.bench.flow_table:flow_table_alone",
    "occupation": "tests.bench.occupation:occupation",
    "occupation_from_spells": "tests.bench.occupation:from_spells",
    "robust": "tests.bench.occupation:robust",
    "timelines": "tests.bench.timelines:timelines",
}

if __name__ == "__main__":
    module, _, name = TASKS[sys.argv[1]].partition(":")
    answer = getattr(importlib.import_module(module), name)(**json.loads(sys.argv[3]))
    Path(sys.argv[2]).write_text(json.dumps(answer), encoding="utf-8")
