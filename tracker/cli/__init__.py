"""The command line: each command is a line or two into the pipeline or the desk."""

from tracker.cli.main import main

__all__ = ["main"]
