"""Charts of results, fit to print.

Each takes a result (``Curves``, ``Coefficients``, ``Summary``) or a small frame with its ``About``, and gives
a ``Chart``: SVG and PNG, the same bytes for the same input, with the stamp of its origin. ``labels`` replace
levels by what readers call them (``ENGLISH`` and ``SWEDISH`` for states). An empty result gives a sheet
that says so.
"""

from tracker.publish.chart_curves import Scale, stacked_occupation, step_curves
from tracker.publish.chart_points import bars, dots, forest
from tracker.publish.chart_series import interrupted_series
from tracker.publish.chart_sheet import ENGLISH, SWEDISH, Chart, Words

__all__ = [
    "ENGLISH",
    "SWEDISH",
    "Chart",
    "Scale",
    "Words",
    "bars",
    "dots",
    "forest",
    "interrupted_series",
    "stacked_occupation",
    "step_curves",
]
