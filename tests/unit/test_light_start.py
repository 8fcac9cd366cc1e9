"""A loading worker re-imports the main module: what that imports, every worker carries."""

import subprocess
import sys

HEAVY = ("pandas", "numpy", "duckdb", "lifelines", "matplotlib")


def test_the_command_line_imports_no_library_of_analysis() -> None:
    told = f"import sys, tracker.cli.main; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_worker_s_tools_come_without_migrations() -> None:
    told = "import sys, tracker.wiring; print('alembic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
