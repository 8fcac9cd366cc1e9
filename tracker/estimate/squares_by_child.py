"""The sum over children of squared influence, where influence is a sum of parts times functions of time.

The parts of a child change only where one of its stays begins or ends, the functions are the same for all:
so the products of parts, added up over children, are kept up to date by moment, and the cost is that of
sorting the stays, not children × moments.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tracker.estimate.risk_sets import Floats, Ints


def squares_by_child(
    changes: Sequence[tuple[Floats, Floats]],
    factors: Sequence[Floats],
    child: Ints,
    stratum: Ints,
    begins_ends: tuple[Ints, Ints],
) -> Floats:
    """Sum over children of (sum over parts of part × factor)² at each moment [G, T].

    ``changes``: of each part, by how much the stays (N) change it where they begin and where they end, the
    numbers of those moments in ``begins_ends``. ``factors``: the function of time of each part [G, T].
    ``child`` and ``stratum`` [N] number the stays'; a child is in one stratum.
    """
    moment = np.concatenate(begins_ends)
    child, stratum = np.tile(child, 2), np.tile(stratum, 2)
    order = np.lexsort((moment, child))
    shape = factors[0].shape
    cell = (stratum * shape[1] + moment)[order]
    parts = [_running(np.concatenate(change)[order], child[order]) for change in changes]
    total = np.zeros(shape)
    for i, (before, after) in enumerate(parts):
        for j in range(i, len(parts)):
            change = after * parts[j][1] - before * parts[j][0]
            added = np.bincount(cell, change, total.size).reshape(shape)
            total += (1 if i == j else 2) * np.cumsum(added, axis=1) * factors[i] * factors[j]
    return np.maximum(total, 0)


def _running(changes: Floats, child: Ints) -> tuple[Floats, Floats]:
    """The sum of a child's changes so far, before and after each; nothing of one child reaches another."""
    after: Floats = np.asarray(pd.Series(changes).groupby(child, sort=False).cumsum(), np.float64)
    before: Floats = np.concatenate([np.zeros(min(len(after), 1)), after[:-1]])
    before[np.diff(child, prepend=-1) != 0] = 0.0
    return before, after
