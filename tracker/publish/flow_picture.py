"""What a flow diagram shows: columns of steps, and how many went from which to which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Edge = tuple[str, str, int]
"""(source node id, target node id, how many went that way)."""

NOTE = "Staplar och band är så höga som antalen. Grått: går inte vidare, eller inte känt."


@dataclass(frozen=True)
class Node:
    """One class of one step. ``share_text`` names its denominator, e.g. ``49 % of referrals``.

    ``muted`` is for classes that lead nowhere further: sorted out, still open, too recent, not delivered.
    """

    id: str
    label: str
    count: int
    share_text: str = ""
    muted: bool = False


@dataclass(frozen=True)
class FlowPicture:
    """A flow from left to right.

    ``columns`` holds the classes of each step from top to bottom; ``headings``, when given, has one text
    a column, such as the unit counted there. An edge leads to a later column. Where the unit changes
    between two columns a node's edges may sum to more than its count: its bar then has their height.

    Raises ``ValueError`` for a repeated or unknown node id, a negative count, or an edge that does not
    lead to the right.
    """

    title: str
    subtitle: str
    columns: Sequence[Sequence[Node]]
    edges: Sequence[Edge]
    stamp: Mapping[str, str]
    headings: Sequence[str] = ()
    note: str = NOTE

    def __post_init__(self) -> None:
        columns = column_of(self)
        repeated = [
            name for name, times in Counter(n.id for c in self.columns for n in c).items() if times > 1
        ]
        if repeated:
            raise ValueError(f"node ids used twice: {', '.join(repeated)}")
        if self.headings and len(self.headings) != len(self.columns):
            raise ValueError("headings must be as many as columns")
        for source, target, count in self.edges:
            if columns.get(source, 0) >= columns.get(target, -1):
                raise ValueError(f"edge {source} → {target} does not lead from a node to a later column")
            if count < 0:
                raise ValueError(f"edge {source} → {target} has a negative count")


def column_of(picture: FlowPicture) -> dict[str, int]:
    """The column number of each node id."""
    return {node.id: number for number, column in enumerate(picture.columns) for node in column}


def described(picture: FlowPicture) -> str:
    """The picture in words, for those who do not see it: every class with its count and share."""
    steps = []
    for number, column in enumerate(picture.columns):
        heading = f"{picture.headings[number]}: " if picture.headings else ""
        classes = [" ".join(filter(None, (n.label, str(n.count), _bracketed(n.share_text)))) for n in column]
        steps.append(heading + "; ".join(classes))
    return f"{picture.subtitle}. " + ". Därefter ".join(steps) + "."


def _bracketed(share: str) -> str:
    return f"({share})" if share else ""
