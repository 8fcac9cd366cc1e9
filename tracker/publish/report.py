"""A flow summary as one HTML page: picture, table and definitions, to read, print or paste into a memo."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from tracker.publish.cells import names_of, shown_rows
from tracker.publish.flow_diagram import flow_svg
from tracker.publish.flow_page_table import Section
from tracker.publish.flow_picture import FlowPicture
from tracker.publish.stamp import is_synthetic, stamp_line
from tracker.publish.svg import clean, element
from tracker.publish.swedish_stamp import NO_REAL_CHILD, SYNTHETIC_SV, stamp_line_sv

Definition = tuple[str, str]
"""(term, what it means)."""

_STYLE = """
body{font:16px/1.5 Arial,Helvetica,sans-serif;color:#1b1f24;background:#fff}
body{max-width:84rem;margin:1rem auto;padding:0 1.5rem}
h1{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden;margin:0}
h2{font-size:1.15rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:1.4rem 0 .2rem}
.step table{font-size:.8rem}.step thead th{white-space:normal}.step th,.step td{padding:.2rem .5rem}
.step p{margin:.2rem 0 .5rem;font-size:.85rem;color:#4d5661;max-width:64rem}
.stamp{color:#4d5661;font-size:.85rem;margin:1.5rem 0}
.synthetic{border:2px solid #8f2d0e;color:#8f2d0e;font-weight:bold;padding:.4rem .8rem;display:inline-block}
figure{margin:0;overflow-x:auto}svg{max-width:100%;height:auto}
.table{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .7rem;text-align:left;border-bottom:1px solid #dfe3e6;vertical-align:top}
thead th{border-bottom:2px solid #0b5c94;white-space:nowrap}.n{text-align:right;white-space:nowrap}
dt{font-weight:bold;margin-top:.6rem}dd{margin:0 0 0 1.2rem;max-width:48rem}
@media print{body{margin:0;max-width:none;font-size:11pt}h2{break-after:avoid}tr,figure{break-inside:avoid}}
@page{size:A4 landscape;margin:14mm}
"""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The page loads nothing and runs nothing."""


def flow_page(picture: FlowPicture, sections: Iterable[Section], definitions: Sequence[Definition]) -> str:
    """The page as HTML text: self-contained, without script; equal input gives equal text.

    Tables are shown as they are, one row a line, figures grouped, missing as ``–``. The page is in Swedish;
    its head carries the stamp in English too.
    """
    mark = f"{SYNTHETIC_SV}: {NO_REAL_CHILD}"
    parts = [
        element("h1", {}, clean(picture.title)),
        element("figure", {}, flow_svg(picture)),
        element("h2", {}, "Siffror"),
        element("p", {"class": "synthetic"}, mark) if is_synthetic(picture.stamp) else "",
        *(_section(one) for one in sections),
        element("h2", {}, "Definitioner") if definitions else "",
        definition_list(definitions),
        element("p", {"class": "stamp"}, clean(f"{picture.subtitle} · {stamp_line_sv(picture.stamp)}")),
    ]
    return page(picture.title, [part for part in parts if part], lang="sv", stamp=stamp_line(picture.stamp))


def _section(section: Section) -> str:
    note = element("p", {}, clean(section.note)) if section.note else ""
    table = element("div", {"class": "table"}, html_table(section.table))
    return element("section", {"class": "step"}, element("h3", {}, clean(section.heading)) + note + table)


def page(title: str, body: Sequence[str], style: str = "", lang: str = "en", stamp: str = "") -> str:
    """A whole page around ``body`` in a language; ``style`` is CSS after the house's own.

    ``stamp`` is carried in the page's head, unseen.
    """
    carried = element("meta", {"name": "tracker-stamp", "content": stamp}) if stamp else ""
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"{carried}<title>{clean(title)}</title><style>{_STYLE}{style}</style>"
    )
    main = "\n".join(body)
    whole = f"<head>{head}</head>\n<body><main>\n{main}\n</main></body>"
    return f'<!doctype html>\n<html lang="{lang}">{whole}</html>\n'


def html_table(table: pd.DataFrame) -> str:
    """A frame as an HTML table with figures to the right; the index is left out."""
    numeric = [pd.api.types.is_numeric_dtype(table.iloc[:, i]) for i in range(table.shape[1])]
    head = "".join(
        element("th", {"scope": "col", "class": _side(right)}, clean(name) or "\u00a0")
        for name, right in zip(names_of(table), numeric, strict=True)
    )
    rows = [
        "".join(
            element("td", {"class": _side(right)}, clean(value) or "\u00a0")
            for value, right in zip(row, numeric, strict=True)
        )
        for row in shown_rows(table)
    ]
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"


def _side(right: bool) -> str:
    return "n" if right else "t"


def definition_list(definitions: Sequence[Definition]) -> str:
    """Terms and what they mean; nothing when there are none."""
    entries = (f"<dt>{clean(term)}</dt><dd>{clean(meaning)}</dd>" for term, meaning in definitions)
    return f"<dl>{''.join(entries)}</dl>" if definitions else ""
