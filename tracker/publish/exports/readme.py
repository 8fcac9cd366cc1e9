"""The README of an export: what it is, what its days tell, and the lines that open it."""

from __future__ import annotations

from collections.abc import Sequence

from tracker.publish.exports.formats import Format
from tracker.publish.exports.forms import Form, Order
from tracker.publish.exports.material import Material
from tracker.publish.exports.moments import steps_per_day
from tracker.publish.exports.tables import Table

_R = {
    Format.PARQUET: 'd <- arrow::read_parquet("{path}")',
    Format.CSV: 'd <- read.csv("{path}", stringsAsFactors = TRUE{text})',
    Format.XLSX: 'd <- readxl::read_excel("{path}", sheet = "Data"); '
    "d[] <- lapply(d, function(x) if (is.character(x)) factor(x) else x)",
    Format.DTA: 'd <- haven::as_factor(haven::read_dta("{path}"))',
    Format.SAV: 'd <- haven::as_factor(haven::read_sav("{path}"))',
}
_PYTHON = {
    Format.PARQUET: 'd = pd.read_parquet("{path}")',
    Format.CSV: 'd = pd.read_csv("{path}", dtype={{"municipality": str}}, parse_dates=["time:timestamp"])',
    Format.XLSX: 'd = pd.read_excel("{path}", sheet_name="Data", dtype={{"municipality": str}})',
}
_READ_NUMBERS = {
    Format.DTA: 'd <- haven::read_dta("msdata.dta")',
    Format.SAV: 'd <- haven::read_sav("msdata.sav"); names(d)[names(d) == "to_"] <- "to"',
}
"""Of msdata with labels, which mstate does without; ``to`` is a word of SPSS."""

_STATA = 'In Stata:  use "{path}", clear\n'
_SPSS = "In SPSS:   GET FILE='{path}'.\n"

_OFFSETS = """\
Days are counted from day 0, each person's entry, of which the month is given. This hides dates from a
glance, not from effort: where observation ends on a day that is known (the last delivery, an 18th birthday),
counting back gives the date of day 0. A cohort with a horizon ends most observations elsewhere. Ids of two
projects cannot be joined; but the same child's row of days can be recognised by whoever holds both.
"""
_STEPS = """\
Of the transitions of one day the k-th is at day + k/{parts}, and observation ends at day + {last}/{parts}:
what is tied is tied, what comes first comes first, stays of no length are there. Rounded down they are days.
"""
_PERSONAL = (
    "Personal data under pseudonym: for the approved project only, not to be passed on, deleted at its end.\n"
)
_EXACT = "Dates are exact, as was asked for and entered in the ledger of exports.\n"


def readme(order: Order, material: Material, tables: Sequence[Table], told: Sequence[str]) -> str:
    """The text of README.txt; ``told`` are lines that say where the export comes from."""
    parts = [f"{order.form.name}: {order.form.said}", "\n".join(told), _PERSONAL]
    if order.form.persons:
        parts.append(_EXACT if material.exact else _OFFSETS)
    if order.form.name in ("msdata", "timeline"):
        parts.append(_steps(steps_per_day(material.stays)))
    parts.append(_opening(order.form, order.fmt, tables))
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _opening(form: Form, fmt: Format, tables: Sequence[Table]) -> str:
    path = f"{form.main}.{fmt}"
    (main,) = (table for table in tables if table.name == form.main)
    if form.language == "R":
        lines = [_R[fmt].format(path=path, text=_text_columns(main))]
    else:
        lines = ["import pandas as pd", _PYTHON[fmt].format(path=path)]
    if form.name == "msdata":
        lines = [_READ_NUMBERS.get(fmt, lines[0]), _matrix(fmt)]
    lines += form.use
    other = {Format.DTA: _STATA, Format.SAV: _SPSS}.get(fmt, "").format(path=path)
    shown = "".join(f"    {line}\n" for line in lines)
    return f"To open it in {form.language}:\n\n{shown}" + (f"\n{other}" if other else "")


def _text_columns(table: Table) -> str:
    names = [one.name for one in table.columns if one.kind == "text"]
    classes = ", ".join(f'{name} = "character"' for name in names)
    return f", colClasses = c({classes})" if names else ""


def _matrix(fmt: Format) -> str:
    path = f"transitions_matrix.{fmt}"
    if fmt is Format.CSV:
        return f'tm <- as.matrix(read.csv("{path}", row.names = 1))'
    read = {
        Format.PARQUET: f'arrow::read_parquet("{path}")',
        Format.XLSX: f'readxl::read_excel("{path}", sheet = "Data")',
        Format.DTA: f'haven::read_dta("{path}")',
        Format.SAV: f'haven::read_sav("{path}")',
    }[fmt]
    return f"tm <- as.matrix({read}[-1]); rownames(tm) <- colnames(tm)"


def _steps(parts: int) -> str:
    return _STEPS.format(parts=parts, last=parts - 1)
