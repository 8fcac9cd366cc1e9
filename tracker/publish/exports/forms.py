"""The forms of exports: what each is for, which formats hold it, and the lines that open it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tracker.domain.errors import UsageError
from tracker.publish.exports.event_log import event_log
from tracker.publish.exports.flow import flow
from tracker.publish.exports.formats import Format
from tracker.publish.exports.material import Material
from tracker.publish.exports.meds import meds
from tracker.publish.exports.msdata import msdata
from tracker.publish.exports.spells import spells
from tracker.publish.exports.tables import Table
from tracker.publish.exports.timeline import timeline

_ANY = tuple(Format)


@dataclass(frozen=True)
class Form:
    """A form: ``build`` makes its tables; ``main`` is the one ``use`` speaks of.

    ``use`` are lines for the language named, with the table read as ``d``. ``persons`` is False where rows
    are counts.
    """

    name: str
    said: str
    build: Callable[[Material], list[Table]]
    main: str
    formats: tuple[Format, ...] = _ANY
    language: str = "R"
    use: tuple[str, ...] = ()
    persons: bool = True


_SURVFIT = (
    "library(survival)",
    "fit <- survfit(Surv(tstart, tstop, event) ~ 1, data = d, id = id, istate = from, cluster = child)",
)
_MSDATA = (
    "library(mstate)",
    'fit <- coxph(Surv(Tstart, Tstop, status) ~ strata(trans), data = d, method = "breslow")',
    "p <- probtrans(msfit(fit, trans = tm), predt = 0)",
)
_SPELLS = ('table(d$state, d$to_state, useNA = "ifany")',)


@dataclass(frozen=True)
class Order:
    """What is asked for: for which project, in which form and format, labelled in which language (sv, en)."""

    project: str
    form: Form
    fmt: Format
    language: str = "en"


FORMS: Mapping[str, Form] = {
    form.name: form
    for form in (
        Form("spells", "a row for each stay in a state", spells, "spells", use=_SPELLS),
        Form("msdata", "a row for each transition at risk, for mstate in R", msdata, "msdata", use=_MSDATA),
        Form(
            "timeline",
            "a row for each event, and intervals for survfit in R",
            timeline,
            "intervals",
            use=_SURVFIT,
        ),
        Form(
            "eventlog",
            "cases, activities and timestamps, for pm4py",
            event_log,
            "eventlog",
            (Format.PARQUET, Format.CSV, Format.XLSX),
            "Python",
            ("import pm4py", "dfg, start, end = pm4py.discover_dfg(d)"),
        ),
        Form(
            "meds",
            "the Medical Event Data Standard",
            meds,
            "data/0",
            (Format.PARQUET,),
            "Python",
            ('d.groupby("code").size().sort_values()',),
        ),
        Form(
            "flowtable",
            "counts of stays since entry, no rows of persons",
            flow,
            "flow",
            use=("xtabs(count ~ state + flow, d)",),
            persons=False,
        ),
    )
}


def form_for(name: str, fmt: str) -> tuple[Form, Format]:
    """The form and the format by name. Raises UsageError saying what exists."""
    form = FORMS.get(name)
    if form is None:
        raise UsageError(f"There is no form {name}; forms and their formats: {combinations()}.")
    if fmt not in form.formats:
        raise UsageError(f"{name} is not written as {fmt}; forms and their formats: {combinations()}.")
    return form, Format(fmt)


def combinations() -> str:
    """Every form with its formats."""
    return "; ".join(f"{one.name}: {', '.join(one.formats)}" for one in FORMS.values())
