"""Pictures of results: which chart suits which result, shown in a notebook or saved."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from tracker.domain.errors import UsageError
from tracker.estimate.cox_fit import CoxFit
from tracker.estimate.results import Coefficients, Curves, Summary
from tracker.publish.charts import ENGLISH, Chart, Scale, Words, dots, forest, stacked_occupation, step_curves
from tracker.publish.files import write_text

SINCE = {
    "entry": "entry",
    "episode": "the episode's first referral",
    "state": "stay began",
    "age": "birth",
    "calendar": "1 January 1970",
}
"""What each clock counts from, in words."""

NUMBERS = frozenset({"cumulative hazard", "mean number per child"})
"""Quantities that are no shares."""


@dataclass(frozen=True, repr=False)
class Picture:
    """A finished figure: a notebook shows it, ``save`` writes it.

    ``chart`` is the figure as ``tracker.publish.charts`` gives it, with ``svg`` (text), ``png`` (bytes) and
    ``alt``, its description in words.
    """

    chart: Chart

    def save(self, path: str | Path) -> Path:
        """Write the figure, as SVG or PNG by the ending of the name. Raises UsageError for another ending."""
        place = Path(path)
        if place.suffix not in (".svg", ".png") or (place.suffix == ".png" and not self.chart.png):
            raise UsageError(
                f"Figures are saved as .svg{' or .png' * bool(self.chart.png)}, not {place.name}."
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.suffix == ".svg":
            return write_text(place, '<?xml version="1.0" encoding="UTF-8"?>\n' + self.chart.svg)
        place.write_bytes(self.chart.png)
        return place

    def __repr__(self) -> str:
        return f"Picture: {self.chart.title}; save it with .save('figure.svg')"

    def _repr_html_(self) -> str:
        data, kind = self.chart.svg.encode(), "svg+xml"
        if self.chart.png:
            data, kind = self.chart.png, "png"
        encoded = b64encode(data).decode()
        alt = self.chart.alt.replace("&", "&amp;").replace('"', "&quot;")
        return f'<img style="width:100%;max-width:51em" alt="{alt}" src="data:image/{kind};base64,{encoded}">'


def told(frame: pd.DataFrame, names: Sequence[str]) -> pd.Series:
    """Several columns as one, in words: ``girl · 0-2``."""
    if not names:
        return pd.Series("", index=frame.index)
    return frame[list(names)].astype(str).agg(" · ".join, axis=1)


def occupation_picture(curves: Curves, title: str, labels: Mapping[str, str]) -> Picture:
    """Occupation stacked by state, a plot for each stratum."""
    one = _joined(curves)
    words = Words("occupation", title or _title("The share in each state", curves.strata))
    panel = "group" if curves.strata else None
    return Picture(
        stacked_occupation(
            one, words, panel=panel, state="curve", since=_since(curves), labels={**ENGLISH, **labels}
        )
    )


def curves_picture(curves: Curves, title: str, labels: Mapping[str, str]) -> Picture:
    """Curves with bands: a line for each stratum and a plot for each cause, or a line for each of either."""
    one = _joined(curves)
    words = Words("curves", title or _title(curves.quantity.capitalize(), curves.strata))
    several = bool(curves.key) and one.frame["curve"].nunique() > 1
    line = "group" if curves.strata else ("curve" if several else None)
    scale = Scale.NUMBER if curves.quantity in NUMBERS else Scale.SHARE
    return Picture(
        step_curves(
            one,
            words,
            panel="curve" if several and curves.strata else None,
            line=line,
            scale=scale,
            since=_since(curves),
            labels={**ENGLISH, **labels},
        )
    )


def _joined(curves: Curves) -> Curves:
    """The curves with one column for their stratum and one for their key."""
    frame = curves.frame.assign(group=told(curves.frame, curves.strata), curve=told(curves.frame, curves.key))
    return replace(curves, frame=frame, strata=("group",), key=("curve",) if curves.key else ())


def _since(curves: Curves) -> str:
    return SINCE.get(str(curves.about.clock), "the start")


def _title(quantity: str, strata: Sequence[str]) -> str:
    return f"{quantity}{', by ' if strata else ''}{' and '.join(strata)}".replace("_", " ")


def summary_picture(summary: Summary, title: str, labels: Mapping[str, str]) -> Picture:
    """Numbers with their intervals: a row for each, coloured by stratum."""
    frame = summary.frame.dropna(subset=["estimate"])
    at = [name for name in ("horizon", "probability", "time") if name in frame and frame[name].nunique() > 1]
    shown = frame.assign(group=told(frame, summary.strata), number=told(frame, [*summary.key, *at]))
    words = Words("numbers", title or _title(summary.quantity.capitalize(), summary.strata))
    drawn = replace(summary, frame=shown)
    labels = {**ENGLISH, **labels}
    row, group = ("number", "group") if summary.strata else ("number", None)
    if summary.strata and shown["number"].nunique() == 1:
        row, group = "group", None
    scale = Scale.SHARE if "share" in summary.quantity else Scale.NUMBER
    return Picture(dots(drawn, words, row=row, group=group, labels=labels, scale=scale))


def model_picture(
    fitted: Coefficients, reference: Mapping[str, str], title: str, labels: Mapping[str, str]
) -> Picture:
    """The ratios of a regression, on a log scale; parameters that are no effects are left out."""
    effects = ~fitted.frame["term"].str.startswith(("(", "log("))
    ratio = fitted.quantity.removeprefix("log ")
    moved = f" of {' → '.join(fitted.transition)}" if isinstance(fitted, CoxFit) else ""
    words = Words("coefficients", title or f"{fitted.method.name}: {ratio}s{moved}")
    drawn = replace(fitted, frame=fitted.frame[effects])
    return Picture(forest(drawn, words, reference=reference, labels=labels, x=ratio))
