"""What the runbook and the README tell people to type exists, and so do the sections others point to."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from tracker.cli.main import app

ROOT = Path(__file__).parents[2]
RUNBOOK = ROOT / "docs" / "runbook.md"
DOCUMENTS = (RUNBOOK, ROOT / "README.md", ROOT / "docs" / "erasure.md")
SHOWN = {"--help"}
WRONG_USE: type[Exception] = typer.BadParameter.__mro__[1]
"""The parser's error of every way of wrong use; typer names only this child of it."""


def command_lines(text: str) -> Iterator[str]:
    """Every ``tracker …`` in a code span, fenced or indented code; comments and pipes are cut off."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```\w*\n.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    blocks = [*fenced, *re.findall(r"^    .+$", rest, re.MULTILINE)]
    spans = re.findall(r"`([^`]+)`", re.sub(r"^    .+$", "", rest, flags=re.MULTILINE))
    for line in (*spans, *(line for block in blocks for line in block.splitlines())):
        for part in re.split(r"[;|]|&&", re.sub(r"\s#\s.*| {2,}#.*", "", " ".join(line.split("\n")))):
            words = part.strip().removeprefix("docker compose exec scheduler entrypoint ").split()
            if words[:1] in (["tracker"], [".venv/bin/tracker"]):
                yield " ".join(words)


def resolved(words: list[str]) -> tuple[Any, list[str]]:
    """The command of these words and what is left of them; raises ``LookupError`` for one that is not."""
    command: Any = typer.main.get_command(app)
    context = typer.Context(command)
    rest = list(words)
    while isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        found = command.get_command(context, rest[0])
        if found is None:
            raise LookupError(f"no command {rest[0]}")
        command, rest = found, rest[1:]
    return command, rest


def problem(line: str) -> str:
    """What is wrong with a command line; empty when it would parse, values and all."""
    words = [word for word in shlex.split(line)[1:] if word not in ("<", "id.txt")]
    try:
        command, rest = resolved(words)
    except LookupError as error:
        return str(error)
    options = {name for option in command.params for name in option.opts} | SHOWN
    unknown = [word for word in rest if word.startswith("--") and word not in options]
    return f"no option {', '.join(unknown)}" if unknown else _refused(command, rest)


def _refused(command: Any, rest: list[str]) -> str:
    """Parse it, unless it names the command alone, as running text does."""
    if not rest or "--help" in rest:
        return ""
    try:
        command.make_context(command.name, [word for word in rest if word != "NUMBER"] or ["1"])
    except WRONG_USE as error:
        return str(error)
    return ""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_line_exists(document: Path) -> None:
    lines = list(command_lines(document.read_text("utf-8")))
    assert len(lines) > 3
    assert {line: said for line in lines if (said := problem(line))} == {}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("tracker nonesuch", "no command nonesuch"),
        ("tracker erase nonesuch 1", "no command nonesuch"),
        ("tracker backup --to x", "no option --to"),
        ("tracker confirm twelve", "Input should be a valid integer"),
        ("tracker restore folder", "Missing parameter: key"),
        ("tracker status", ""),
    ],
)
def test_a_command_line_that_does_not_exist_is_seen(line: str, said: str) -> None:
    found = problem(line)
    assert found.startswith(said)
    assert bool(found) == bool(said)


def sections() -> set[str]:
    return set(re.findall(r"^## (.+)$", RUNBOOK.read_text("utf-8"), re.MULTILINE))


def test_sections_pointed_to_are_there() -> None:
    files = [path for folder in ("dags", "tracker") for path in (ROOT / folder).rglob("*.py")]
    pointed = {
        (path.name, title)
        for path in files
        for title in re.findall(r"runbook\.md,[\s\"]*«([^»]+)»", path.read_text("utf-8"))
    }
    assert {title for _, title in pointed} >= {
        "A task failed",
        "The check of a snapshot failed",
        "The log does not verify",
        "Back up",
    }
    assert {(name, title) for name, title in pointed if title not in sections()} == set()


def test_links_within_the_runbook_lead_somewhere() -> None:
    text = RUNBOOK.read_text("utf-8")
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in sections()}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors
    assert all((RUNBOOK.parent / name).exists() for name in re.findall(r"\]\(([\w-]+\.md)\)", text))


def test_settings_named_in_the_runbook_exist() -> None:
    from dataclasses import fields

    from tracker.settings import PREFIX, Settings

    known = {PREFIX + field.name.upper() for field in fields(Settings)}
    text = RUNBOOK.read_text("utf-8")
    assert set(re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]\b", text)) <= known
