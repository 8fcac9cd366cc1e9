"""Counts that need no model: the flow summary and the municipal key figures, compared and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from tracker.domain.errors import UsageError
from tracker.estimate.results import About, Method, Summary
from tracker.projections.flow_groups import TOTAL
from tracker.projections.flow_summary import FlowSummary
from tracker.projections.key_figures import KeyFigures
from tracker.publish.charts import Chart
from tracker.publish.flow_diagram import flow_svg
from tracker.publish.flow_report import TITLE, flow_picture
from tracker.publish.stamp import is_synthetic, stamp_line
from tracker.study.pictures import Picture
from tracker.study.results import HEAD, SummaryResult

SHARES = Method(
    "share among units whose outcome is known",
    "Korn & Graubard (1998), Survey Methodology 24:193–201; Wilson (1927), JASA 22:209–212",
    variance="linearised, clustered on child (Cochran 1977, s. 6.3)",
    interval="Wilson at the effective size",
    ties="",
)
NOT_RETURNED = Method("share of children", "Wilson (1927), JASA 22:209–212", interval="Wilson", ties="")
MEAN_DAYS = Method(
    "mean of closed investigations",
    "Cochran (1977), s. 6.3",
    variance="linearised, clustered on child",
    interval="normal",
    ties="",
)


@dataclass(frozen=True, repr=False)
class FlowSummaryResult:
    """What became of an entry cohort of referrals; ``summary`` is the result as ``projections`` gives it."""

    summary: FlowSummary

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each group, block, step, class and unit; ``all`` where groups are added together."""
        return self.summary.table

    @property
    def definitions(self) -> dict[str, str]:
        """What each figure means."""
        return dict(self.summary.definitions)

    def share(self, step: str, outcome: str, unit: str = "", *, totals: bool = False) -> SummaryResult:
        """The share of a step's units with one outcome, by group, of those whose outcome is known.

        ``share("investigation", "opened")``, ``share("clock_14_days", "within")``. ``unit``: referrals,
        investigations or children; the step's first when left out. ``totals`` keeps the rows ``all``. Groups
        without a share are left out. Raises UsageError for steps and outcomes that are not there.
        """
        table, by = self._rows(step, outcome, unit), self.summary.by
        if by and not totals:
            table = table[(table[list(by)] != TOTAL).all(axis=1)]
        known = table[table["status_step"] == "value"].rename(columns=_AS_ESTIMATES).reset_index(drop=True)
        frame = known.assign(outcome=f"{step}: {outcome}")[[*by, "outcome", *_AS_ESTIMATES.values()]]
        row = by[:1] or ("outcome",)
        quantity = f"share {step} {outcome}".replace("_", " ")
        return SummaryResult(Summary(quantity, frame, by[1:], row, _about(self.summary.stamp), SHARES))

    def _rows(self, step: str, outcome: str, unit: str) -> pd.DataFrame:
        table = self.frame[self.frame["block"] == "linkable"]
        steps = table[table["step"] == step]
        found = steps[(steps["class"] == outcome) & steps["status_step"].ne("not_applicable")]
        found = found[found["unit"] == (unit or next(iter(found["unit"]), ""))]
        if found.empty:
            there = steps["class"].unique() if len(steps) else table["step"].unique()
            asked = f"{step}: {outcome}{f' of {unit}' if unit else ''}"
            raise UsageError(f"There is no share «{asked}»; there are {', '.join(there)}.")
        return found

    def plot(self) -> Picture:
        """The flow from received to returned, bands as high as their counts (labels in Swedish)."""
        drawn = flow_picture(self.summary)
        return Picture(Chart("flow", TITLE, drawn.subtitle, drawn.subtitle, flow_svg(drawn), b""))

    def __repr__(self) -> str:
        return f"Flow summary\n{stamp_line(self.summary.stamp)}\n{self._head().to_string(index=False)}"

    def _repr_html_(self) -> str:
        return f"<p><small>{stamp_line(self.summary.stamp)}</small></p>{self._head().to_html(index=False)}"

    def _head(self) -> pd.DataFrame:
        columns = [*self.summary.by, "step", "class", "unit", "count", "share_step", "share_start"]
        return self.frame[columns].head(HEAD)


_AS_ESTIMATES = {
    "numerator_step": "events",
    "denominator_step": "at_risk",
    "share_step": "estimate",
    "share_step_low": "lower",
    "share_step_high": "upper",
}


@dataclass(frozen=True, repr=False)
class KeyFiguresResult:
    """The municipal key figures; ``figures`` is the result as ``projections`` gives it."""

    figures: KeyFigures

    @property
    def not_returned(self) -> pd.DataFrame:
        """Children not returned within a year, by municipality, year of ending and age."""
        return self.figures.not_returned

    @property
    def investigation_time(self) -> pd.DataFrame:
        """Days from opened to closed, by municipality and year of closing."""
        return self.figures.investigation_time

    @property
    def definitions(self) -> dict[str, str]:
        """What each figure means."""
        return dict(self.figures.definitions)

    def share_not_returned(self, age_class: str = "0-12") -> SummaryResult:
        """Share of children not returned within a year, by municipality and year, where it is known."""
        table = self.not_returned
        table = table[(table["status"] == "value") & (table["age_class"] == age_class)]
        ends = [f"share_not_returned{end}" for end in ("", "_low", "_high")]
        frame = _estimates(table, ends, "denominator")
        return self._result(f"share not returned, {age_class}", frame, NOT_RETURNED)

    def mean_investigation_time(self) -> SummaryResult:
        """Mean days of investigations closed in the year, by municipality and year.

        ``investigation_time`` says which years are wholly covered.
        """
        ends = ["mean_days", "mean_days_low", "mean_days_high"]
        frame = _estimates(self.investigation_time, ends, "investigations")
        return self._result("mean days of investigation", frame, MEAN_DAYS)

    def _result(self, quantity: str, frame: pd.DataFrame, method: Method) -> SummaryResult:
        about = _about(self.figures.stamp)
        return SummaryResult(Summary(quantity, frame, ("year",), ("municipality",), about, method))

    def __repr__(self) -> str:
        head = self.not_returned.head(HEAD).to_string(index=False)
        return f"Key figures\n{stamp_line(self.figures.stamp)}\n{head}"

    def _repr_html_(self) -> str:
        tables = (self.not_returned, self.investigation_time)
        shown = "".join(table.head(HEAD).to_html(index=False, border=0) for table in tables)
        return f"<p><small>{stamp_line(self.figures.stamp)}</small></p>{shown}"


def _estimates(table: pd.DataFrame, ends: Sequence[str], size: str) -> pd.DataFrame:
    names = dict(zip(ends, ("estimate", "lower", "upper"), strict=True)) | {size: "at_risk"}
    return table[["municipality", "year", *names]].rename(columns=names).reset_index(drop=True)


def _about(stamp: Mapping[str, str]) -> About:
    return About(
        cohort=stamp.get("cohort", ""),
        position=int(stamp["position"]),
        codebook=stamp["codebook"],
        software=stamp["software"],
        synthetic=is_synthetic(stamp),
    )
