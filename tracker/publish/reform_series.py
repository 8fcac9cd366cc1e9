"""Monthly series of the analysis of the 2025 Act: charts, what changed, and what stands behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.interrupted import Design
from tracker.estimate.interrupted_checks import fitted, sensitivity
from tracker.estimate.interrupted_terms import LEVEL_CHANGE, TREND, TREND_CHANGE
from tracker.estimate.results import About
from tracker.estimate.series_fits import SeriesFit, Unfitted, otherwise
from tracker.projections.monthly_series import Definition, SeriesSource, monthly_series
from tracker.publish.charts import Chart, Scale, Words, forest, interrupted_series
from tracker.publish.findings import Section, Table

MOST_PANELS = 9

Fits = Sequence[SeriesFit | Unfitted]


def done(fits: Fits) -> list[SeriesFit]:
    """Those with a regression."""
    return [one for one in fits if isinstance(one, SeriesFit)]


def ratio_told(row: pd.Series) -> str:
    """A ratio with its limits, as read."""
    return f"{row['ratio']:.2f} ({row['ratio_lower']:.2f}–{row['ratio_upper']:.2f})"


def series_sections(source: SeriesSource, fits: Fits, about: About) -> Iterator[Section]:
    """What changed, a section for each series, and the tables behind."""
    made = done(fits)
    note = (
        "Fitted and expected are numbers a month, or shares; the ratio is fitted to expected, 95 % interval."
    )
    columns = ("series", "at", "mean_fitted", "mean_expected", "ratio_and_interval", "status")
    effects = Table("series_effects", "Fitted against expected", _effects(fits), note, columns=columns)
    undone = [
        f"{_capital(one.definition.said)}: {one.status.replace('_', ' ')}. {one.why}"
        for one in fits
        if isinstance(one, Unfitted)
    ]
    charts = (_ratios(made, about),) if made else ()
    chance = (
        "Of so many series one interval in twenty leaves out 1 by chance; the tests are not corrected for it."
    )
    yield Section("Monthly series: what changed", (chance, *undone), charts, (effects,))
    for one in made:
        yield Section(f"Monthly series: {one.definition.said}", _sentences(one), (_chart(one, about),))
    yield _behind(source, fits)


def _behind(source: SeriesSource, fits: Fits) -> Section:
    made = done(fits)
    terms, checks, others = _terms(made), _checks(made), _sensitivity(source, made)
    placebo = (
        "The placebo has only months before the Act. It should show nothing; yet one 95 % interval in twenty "
        "leaves out 1 by chance."
    )
    tables = (
        Table("series_terms", "Terms of the regressions", terms, "Terms of the season are in the file.",
              shown=3 * len(made), columns=_TERMS),
        Table("series_checks", "Checks of the residuals", checks, columns=_CHECKS),
        Table("series_sensitivity", "The same analysed otherwise", others, placebo, 60, _OTHERS),
        Table("series_places", "Municipalities left out of each series, and used", _places(fits), shown=25),
        Table("series_months", "The months", _months(made), shown=6),
    )  # fmt: skip
    return Section("Monthly series: what stands behind", (), (), tables)


_TERMS = (
    "series",
    "term",
    "ratio_and_interval",
    "p_value",
    "std_error",
    "std_error_newey_west",
    "std_error_working",
)
_OTHERS = ("series", "analysis", "months", "change_of_level", "all_months_since", "status")
_CHECKS = (
    *("series", "municipalities", "months_before", "months_since", "events", "unknown", "newey_west_lags"),
    *("dispersion", "working_correlation", "durbin_watson", "ljung_box_p"),
)


def _effects(fits: Fits) -> pd.DataFrame:
    columns = ["series", "at", "from", "to", "fitted", "expected", "difference", "difference_lower"]
    columns += [
        "difference_upper",
        "ratio",
        "ratio_lower",
        "ratio_upper",
        "mean_fitted",
        "mean_expected",
        "ratio_and_interval",
        "status",
    ]
    rows: list[dict[str, object]] = []
    for one in fits:
        named: dict[str, object] = {"series": one.definition.name, "at": "all months since"}
        if isinstance(one, Unfitted):
            rows.append(named | {"status": one.status})
        else:
            rows += [named | _effect(one, row) for _, row in one.fit.effects.iterrows()]
    return pd.DataFrame(rows, columns=columns)


def _effect(one: SeriesFit, row: pd.Series) -> dict[str, object]:
    told = {"mean_fitted": _told(row["fitted"], one), "mean_expected": _told(row["expected"], one)}
    return {**row, **told, "ratio_and_interval": ratio_told(row), "status": "value"}


def _ratios(made: Sequence[SeriesFit], about: About) -> Chart:
    rows = [
        {"term": one.definition.said, "ratio": one.since["ratio"], "lower": one.since["ratio_lower"],
         "upper": one.since["ratio_upper"]}
        for one in made
    ]  # fmt: skip
    words = Words(
        "series_ratios",
        "The months since 1 July 2025 against what was expected",
        "Mean of all months since, as fitted, divided by what the earlier trend and season give; 95 % "
        "intervals.",
        tables=("series_effects",),
    )
    ratios = replace(made[0].fit.coefficients, frame=pd.DataFrame(rows), about=about)
    return forest(ratios, words, x="fitted / expected")


def _sentences(one: SeriesFit) -> tuple[str, ...]:
    months, since = one.fit.months["period"], one.since
    how = "share" if one.definition.share else "mean number a month"
    said = (
        f"{len(one.series.used)} municipalities, {months.min():%B %Y} to {months.max():%B %Y}. The {how} "
        f"since the Act is {_told(since['fitted'], one)}, expected {_told(since['expected'], one)}: ratio "
        f"{ratio_told(since)}."
    )
    left_out = one.series.places.loc[~one.series.places["used"], "why"].value_counts().sort_index()
    if not len(left_out):
        return (said,)
    return said, "Left out: " + "; ".join(f"{number} ({why})" for why, number in left_out.items()) + "."


def _told(value: float, one: SeriesFit) -> str:
    return f"{100 * value:.1f} %" if one.definition.share else f"{value:,.1f}"


def _capital(said: str) -> str:
    return said[0].upper() + said[1:]


def _chart(one: SeriesFit, about: About) -> Chart:
    words = Words(
        f"series_{one.definition.name}",
        f"{_capital(one.definition.said)} by month",
        "Observed months, the fitted line with season and its 95 % band, and what the earlier trend and "
        "season give.",
        tables=("series_months",),
    )
    scale, y = (Scale.SHARE, "share") if one.definition.share else (Scale.NUMBER, f"per {one.series.unit}")
    return interrupted_series(one.fit.months, words, about, y=y, scale=scale)


def _terms(made: Sequence[SeriesFit]) -> pd.DataFrame:
    """Those of the question first."""
    parts = [one.fit.coefficients.frame.assign(series=one.definition.name) for one in made]
    if not parts:
        return pd.DataFrame(columns=list(_TERMS))
    every = pd.concat(parts, ignore_index=True)
    limits = every.rename(columns={"lower": "ratio_lower", "upper": "ratio_upper"})
    every["ratio_and_interval"] = [ratio_told(row) for _, row in limits.iterrows()]
    asked = every["term"].isin([TREND, LEVEL_CHANGE, TREND_CHANGE])
    return pd.concat([every[asked], every[~asked]], ignore_index=True)


def _checks(made: Sequence[SeriesFit]) -> pd.DataFrame:
    rows = [
        {
            "series": one.definition.name,
            "municipalities": len(one.series.used),
            "months_before": one.fit.months_before,
            "months_since": one.fit.months_after,
            "events": one.fit.coefficients.events,
            "unknown": int(one.series.frame["unknown"].sum()),
            "unit": "share" if one.definition.share else f"per {one.series.unit}",
            "season": one.fit.season.value,
            "newey_west_lags": one.fit.lags,
            "dispersion": one.fit.dispersion,
            "working_correlation": one.fit.correlation,
            "durbin_watson": one.fit.durbin_watson,
            "ljung_box_lags": int(one.fit.autocorrelation.df),
            "ljung_box_p": one.fit.autocorrelation.p_value,
        }
        for one in made
    ]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(_CHECKS))


def _sensitivity(source: SeriesSource, made: Sequence[SeriesFit]) -> pd.DataFrame:
    parts = [sensitivity(one.fit, otherwise(source, one)).assign(series=one.definition.name) for one in made]
    if not parts:
        return pd.DataFrame(columns=list(_OTHERS))
    every = pd.concat(parts, ignore_index=True)
    for name, stem in (("change_of_level", "level_change"), ("all_months_since", "all_months_ratio")):
        limits = every[[stem, f"{stem}_lower", f"{stem}_upper"]].set_axis(
            ["ratio", "ratio_lower", "ratio_upper"], axis=1
        )
        every[name] = [ratio_told(row) if row.notna().all() else None for _, row in limits.iterrows()]
    return every


def _places(fits: Fits) -> pd.DataFrame:
    columns = ["series", "municipality", "used", "why", "first_month", "last_month"]
    parts = [one.series.places.assign(series=one.definition.name) for one in fits if one.series]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True)[columns].sort_values("used", kind="stable", ignore_index=True)


def _months(made: Sequence[SeriesFit]) -> pd.DataFrame:
    parts = [
        one.series.frame.merge(one.fit.months, on="period").assign(series=one.definition.name) for one in made
    ]
    every = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"series": []})
    return every[["series", *every.columns.drop("series")]]


def group_sections(
    source: SeriesSource, definitions: Sequence[Definition], about: About, refused: list[str]
) -> Iterator[Section]:
    """The series by group; what cannot be estimated is added to ``refused``."""
    for definition in definitions:
        try:
            series = monthly_series(source, definition)
        except EstimateError:
            continue  # told where the series of all together is
        effects, months = [], []
        for level, part in series.frame.groupby(list(series.by), sort=False):
            named = " · ".join(map(str, level))
            try:
                fit = fitted(part, Design(break_on=source.asked.break_on))
            except EstimateError as why:
                refused.append(f"{_capital(definition.said)}, {named}: {why}")
                continue
            told = [ratio_told(row) for _, row in fit.effects.iterrows()]
            effects.append(fit.effects.assign(group=named, ratio_and_interval=told))
            months.append(fit.months.assign(group=named))
        if effects:
            yield _grouped(definition, pd.concat(effects), pd.concat(months), about)


def _grouped(definition: Definition, effects: pd.DataFrame, months: pd.DataFrame, about: About) -> Section:
    name = f"series_{definition.name}_by_group"
    shown = ("group", "at", "fitted", "expected", "difference", "ratio_and_interval")
    tables = (
        Table(name, "Fitted against expected, by group", effects, shown=36, columns=shown),
        Table(f"{name}_months", "The months, by group", months, shown=4),
    )
    words = Words(
        name,
        f"{_capital(definition.said)} by month and group",
        "Observed months, the fitted line with its 95 % band, and what the earlier trend and season give.",
        tables=(name, f"{name}_months"),
    )
    few = months["group"].nunique() <= MOST_PANELS
    scale = Scale.SHARE if definition.share else Scale.NUMBER
    charts = (interrupted_series(months, words, about, panel="group", scale=scale),) if few else ()
    return Section(f"Monthly series by group: {definition.said}", (), charts, tables)
