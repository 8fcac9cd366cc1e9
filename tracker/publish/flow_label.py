"""The label of a node: its name, its count, its share, in lines that fit a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracker.publish.flow_picture import Node
from tracker.publish.svg import INK, LEADING, SOFT_INK, text_width, wrap

_WRAP_AT = 122.0
_WIDEST_WORD = 190.0


@dataclass(frozen=True)
class Line:
    """One line of a label."""

    text: str
    size: float
    fill: str = INK
    weight: str = "normal"


def label(node: Node) -> tuple[Line, ...]:
    """The lines of a node's label from top to bottom."""
    width = _wrap_width(node)
    name = [Line(text, 13) for text in wrap(node.label, 13, width)]
    count = Line(f"{node.count:,}".replace(",", "\u00a0"), 15, weight="bold")
    share = [Line(text, 11.5, SOFT_INK) for text in wrap(node.share_text, 11.5, width)]
    return (*name, count, *share)


def _wrap_width(node: Node) -> float:
    """Wide enough for the longest word, within reason: Swedish words are long, hyphens ugly."""
    words = [text_width(word, 13) for word in node.label.split()]
    return max(_WRAP_AT, min(max(words, default=0.0), _WIDEST_WORD))


def block_height(block: Sequence[Line]) -> float:
    """Height of a label."""
    return sum(line.size * LEADING for line in block)
