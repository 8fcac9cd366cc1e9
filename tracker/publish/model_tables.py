"""Regressions in a report: ratios as a forest plot, what was fitted to whom, and whether assumptions hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from tracker.estimate.cox_fit import CoxFit
from tracker.estimate.planning import Plan
from tracker.estimate.results import Test
from tracker.publish.charts import Chart, Words, forest
from tracker.publish.findings import Section, Table

DOUBTFUL = 0.05
"""A test of proportional hazards below this is told beside the model."""

_FIGURES = ("term", "ratio", "lower", "upper", "p_value", "estimate", "std_error", "std_error_model")
_CHECKED = ("model", "term", "statistic", "df", "p")


@dataclass(frozen=True)
class Fitted:
    """A model: ``name`` is the stem of its files, ``of`` says whose hazard or rate of what it is.

    ``check`` is the test of proportional hazards, None where it was refused; ``ratio`` names what is given.
    """

    name: str
    title: str
    of: str
    fit: CoxFit
    plan: Plan
    check: Test | None
    ratio: str = "hazard ratio"


def model_section(
    title: str, text: Sequence[str], models: Sequence[Fitted], labels: Mapping[str, str]
) -> Section:
    """A section on models: what each rests on, forest plots and tables; the checks of all at the end."""
    told = [sentence for model in models for sentence in _said(model)]
    charts = tuple(_chart(model, labels) for model in models)
    tables = [_coefficients(model) for model in models]
    checks = [_check(model) for model in models if model.check is not None]
    if checks:
        frame = pd.concat(checks, ignore_index=True)
        note = (
            "Score test of a coefficient that changes with time (Grambsch & Therneau), by the model's "
            "information; «all terms» is the global test. Small p-values speak against one constant ratio."
        )
        tables.append(
            Table(
                f"{models[0].name}_checks",
                "Do the ratios hold over time",
                frame,
                note,
                shown=60,
                columns=_CHECKED,
            )
        )
    return Section(title, (*text, *told), charts, tuple(tables))


def _said(model: Fitted) -> list[str]:
    fit = model.fit
    events = f"{fit.events:,} events among {fit.spells:,} stays of {fit.subjects:,} children"
    references = ", ".join(f"{name} {level}" for name, level in model.plan.reference.items())
    said = [f"{model.title}: {model.of}; {events}. Reference: {references}."]
    said += [f"{model.title}: {sentence}" for sentence in model.plan.said]
    doubtful = _doubtful(model.check)
    if doubtful:
        said.append(
            f"{model.title}: the ratios of {', '.join(doubtful)} change over time (p < {DOUBTFUL}); "
            "those shown are averages over the time observed, weighted by events."
        )
    return said


def _doubtful(check: Test | None) -> list[str]:
    if check is None:
        return []
    frame = check.frame
    return [str(term).replace("_", " ") for term in frame.loc[frame["p_value"] < DOUBTFUL, "term"]]


def _chart(model: Fitted, labels: Mapping[str, str]) -> Chart:
    caption = (
        f"{model.of}; ratios with 95 % intervals, standard errors clustered on child, all terms together."
    )
    words = Words(model.name, model.title, caption, tables=(model.name,))
    reference = {name: str(level) for name, level in model.plan.reference.items()}
    return forest(model.fit, words, reference=reference, labels=labels, x=model.ratio)


def _coefficients(model: Fitted) -> Table:
    fit = model.fit
    frame = fit.frame[[*_FIGURES]].assign(events=fit.events, stays=fit.spells, children=fit.subjects)
    said = f"{model.ratio} ({100 * fit.level:g} %)"
    frame[said] = [
        f"{ratio:.2f} ({low:.2f}–{high:.2f})"
        for ratio, low, high in zip(frame["ratio"], frame["lower"], frame["upper"], strict=True)
    ]
    frame["p"] = [p_said(value) for value in frame["p_value"]]
    return Table(model.name, model.title, frame, columns=("term", said, "p"), shown=60)


def p_said(value: float) -> str:
    """A p-value for a reader: three decimals, or below the least of them."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def test_row(test: Test, **more: object) -> pd.DataFrame:
    """A test as a row of a table: ``more``, then test, statistic, df, p_value, and p for a reader."""
    told = {"test": test.name, "statistic": test.statistic, "df": test.df, "p_value": test.p_value}
    return pd.DataFrame([{**more, **told, "p": p_said(test.p_value)}])


def _check(model: Fitted) -> pd.DataFrame:
    assert model.check is not None
    whole = {
        "term": "all terms",
        "statistic": model.check.statistic,
        "df": model.check.df,
        "p_value": model.check.p_value,
    }
    frame = pd.concat([model.check.frame, pd.DataFrame([whole])], ignore_index=True)
    frame.insert(0, "model", model.title)
    return frame.assign(p=[p_said(value) for value in frame["p_value"]])
