"""Cells of coded columns: the delivered wording word for word, or the problem with it."""

from __future__ import annotations

from tracker.domain.delivery import Cell
from tracker.harmonise.dates import Problem
from tracker.harmonise.shapes import as_shown, shape

LONGEST = 600
"""Characters a wording may have; several reasons fit in it. What is longer is a text somebody wrote about a
child, which is not kept, and more than an index of the database holds."""


def read_wording(cell: Cell) -> str | Problem | None:
    """The cell as delivered, numbers as Excel shows them; a problem when it is too long to be a code."""
    wording = as_shown(cell)
    if wording is None or len(wording) <= LONGEST:
        return wording
    remedy = "Lämna koden eller den korta formuleringen ur verksamhetssystemet. Löpande text tas inte emot."
    return Problem("too_long", f"en kod, högst {LONGEST} tecken", shape(cell), remedy)
