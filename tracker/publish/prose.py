"""The README of an analysis, read into its report: headings, paragraphs, lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tracker.domain.errors import UsageError
from tracker.publish.svg import clean

REQUIRED = ("Question", "Cohort", "Estimand", "Choices", "Limits")
"""The sections the README of an analysis has."""

_CODE, _STRONG = re.compile(r"`([^`]+)`"), re.compile(r"\*\*([^*]+)\*\*")


def read_prose(markdown: str, name: str) -> tuple[str, Mapping[str, str]]:
    """The title, and its sections as HTML by heading.

    Understood are ``#`` and ``##`` headings, paragraphs, lists with ``-``, `code` and **strong**. Raises
    UsageError when the title or a section of ``REQUIRED`` is missing; ``name`` is whose README it is.
    """
    head, *parts = re.split(r"^## +", markdown, flags=re.MULTILINE)
    title = next((line[2:].strip() for line in head.splitlines() if line.startswith("# ")), "")
    sections = dict(_section(part) for part in parts)
    if missing := [*([] if title else ["a title"]), *(one for one in REQUIRED if one not in sections)]:
        raise UsageError(f"The README of the analysis {name} lacks {', '.join(missing)}.")
    return title, sections


def _section(part: str) -> tuple[str, str]:
    heading, _, body = part.partition("\n")
    return heading.strip(), "\n".join(_blocks(body))


def _blocks(body: str) -> Iterator[str]:
    for block in re.split(r"\n\s*\n", body.strip()):
        lines = block.strip()
        if lines.startswith("- "):
            items = re.split(r"^- ", lines, flags=re.MULTILINE)[1:]
            yield f"<ul>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</ul>"
        elif lines:
            yield f"<p>{_inline(lines)}</p>"


def _inline(text: str) -> str:
    said = clean(" ".join(text.split()))
    return _STRONG.sub(r"<strong>\1</strong>", _CODE.sub(r"<code>\1</code>", said))
