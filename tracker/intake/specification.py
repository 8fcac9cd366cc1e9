"""Specification: the delivery specification a municipality can be handed, written from the spec itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from tracker.domain.codes import Code
from tracker.domain.findings import Severity
from tracker.domain.spec import CellType, ColumnSpec, RecordSpec, RuleSpec
from tracker.intake.file_rules import file_rules
from tracker.intake.systems import load_systems

CodeLists = Mapping[str, Mapping[str, Code]]
"""Codebook name → code → entry, as ``Codebooks.lists`` gives them."""

_TYPES = {
    CellType.CHILD_ID: "personnummer eller lokalt id",
    CellType.SOURCE_ID: "id",
    CellType.SOURCE_IDS: "ett eller flera id",
    CellType.DATE: "datum (ÅÅÅÅ-MM-DD)",
    CellType.MONTH: "månad (ÅÅÅÅ-MM)",
    CellType.YEAR: "år (ÅÅÅÅ)",
    CellType.INTEGER: "heltal",
    CellType.DECIMAL: "tal",
    CellType.CODE: "ett värde",
    CellType.CODES: "ett eller flera värden",
    CellType.TEXT: "fritext",
}
_VALUE = re.compile(r"\{\w+\}")
_SEVERITIES = {
    Severity.FATAL: "hela filen avvisas",
    Severity.ERROR: "raden hålls tillbaka",
    Severity.WARNING: "raden läses in, men bör ses över",
    Severity.INFO: "upplysning",
}
_SIDECAR = (
    ("record_type", "posttyp, till exempel `{record_type}`; annars avgörs den av rubrikerna"),
    ("period_from", "periodens första dag (ÅÅÅÅ-MM-DD)"),
    ("period_to", "periodens sista dag (ÅÅÅÅ-MM-DD)"),
    (
        "full",
        "`true` om filen innehåller **allt** för perioden; det som saknas räknas då som borttaget. "
        "Annars är filen ett tillägg",
    ),
    ("extracted_on", "den dag uttaget gjordes; vid överlappning gäller det senaste uttaget"),
    ("system", "verksamhetssystem ({systems})"),
    (
        "not_opened_complete",
        "`true` om även aktualiseringar som inte ledde till utredning är fullständigt med",
    ),
    ("stable_ids", "`true` om systemets id är desamma från uttag till uttag"),
    ("stable_child_ids", "`true` om lokala id för barn är desamma från uttag till uttag"),
    ("synthetic", "`true` om uppgifterna är påhittade"),
)


def template_headers(spec: RecordSpec) -> list[str]:
    """The headers of an empty template, in the spec's order: the Swedish labels."""
    return [column.label_sv for column in spec.columns]


def specification_markdown(spec: RecordSpec, lists: CodeLists | None = None) -> str:
    """The specification of one record type as Markdown in Swedish; with code lists when given."""
    parts = (_opening(spec), _columns(spec), _headers(spec), _lists(spec, lists or {}), _rules(spec))
    lines = [line for part in (*parts, _sidecar(spec), _example(spec), _file_rules()) for line in part]
    return "\n".join(lines) + "\n"


def _opening(spec: RecordSpec) -> Iterator[str]:
    yield f"# Leveransspecifikation: {spec.label_sv} (`{spec.record_type}`)"
    yield ""
    yield " ".join(spec.description_sv.split())
    yield ""
    yield "- Filformat: `.xlsx`, `.xls`, `.csv` eller `.txt`."
    yield "- Textfiler: UTF-8 eller Windows-1252; semikolon, komma eller tabb mellan cellerna."
    yield "- En rubrikrad; rader ovanför den och summarader under tabellen stör inte."
    yield f"- Kolumnen **{spec.by_name[spec.period_by].label_sv}** avgör vilken period en rad hör till."
    yield "- Ett blad per fil. Kolumnernas ordning är fri och okända kolumner läses inte."
    if spec.valid_from or spec.valid_to:
        yield f"- Gäller {_validity(spec.valid_from, spec.valid_to)}."
    yield ""


def _columns(spec: RecordSpec) -> Iterator[str]:
    yield "## Kolumner"
    yield ""
    yield "| Rubrik | Fält | Innehåll | Måste finnas | Beskrivning | Exempel |"
    yield "|---|---|---|---|---|---|"
    for column in spec.columns:
        required = "ja" if column.required else ""
        notes = _not_yet_note(column) + _validity_note(column)
        text = _cell(f"{column.description_sv.rstrip()}{notes}")
        yield (
            f"| {_cell(column.label_sv)} | `{column.name}` | {_type(column)} | {required} | {text} "
            f"| {_cell(column.example)} |"
        )
    yield ""


def _type(column: ColumnSpec) -> str:
    text = _TYPES[column.type]
    if column.minimum is not None and column.maximum is not None:
        text += f" {column.minimum:g} till {column.maximum:.0f}"
    return text + (f", se lista `{column.codebook}`" if column.codebook else "")


def _headers(spec: RecordSpec) -> Iterator[str]:
    yield "## Rubriker som känns igen"
    yield ""
    yield "Stora och små bokstäver, mellanslag, skiljetecken och prickar över å, ä och ö spelar ingen roll."
    yield ""
    for column in spec.columns:
        if column.aliases:
            yield f"- **{column.label_sv}**: {', '.join(column.aliases)}"
    yield ""


def _lists(spec: RecordSpec, lists: CodeLists) -> Iterator[str]:
    names = list(dict.fromkeys(column.codebook for column in spec.columns if column.codebook in lists))
    if not names:
        return
    yield "## Värden"
    yield ""
    yield (
        "Leverera systemets egna ord; de översätts till värdena nedan. Ord som inte känns igen läses in, "
        "räknas och läggs i kö för tolkning. De blir aldrig ”övrigt”."
    )
    for name in names:
        yield ""
        yield f"### `{name}`"
        yield ""
        yield "| Kod | Betydelse | Grupp |"
        yield "|---|---|---|"
        for code in lists[name].values():
            yield f"| `{code.code}` | {_cell(code.label_sv)} | {_cell(code.group)} |"
    yield ""


def _rules(spec: RecordSpec) -> Iterator[str]:
    yield "## Kontroller av varje rad"
    yield ""
    yield from _rule_table(
        (rule.id, rule.severity, _with_validity(rule), rule.remedy_sv) for rule in spec.rules
    )
    yield ""


def _file_rules() -> Iterator[str]:
    yield "## Kontroller av hela filen"
    yield ""
    texts = ((r.id, r.severity, r.message, r.remedy) for r in file_rules().values())
    yield from _rule_table((i, s, _VALUE.sub("…", m), _VALUE.sub("…", remedy)) for i, s, m, remedy in texts)


def _rule_table(rules: Iterator[tuple[str, Severity, str, str]]) -> Iterator[str]:
    yield "| Regel | Följd | Vad | Vad ni gör |"
    yield "|---|---|---|---|"
    for name, severity, message, remedy in rules:
        yield f"| {name} | {_SEVERITIES[severity]} | {_cell(message)} | {_cell(remedy)} |"


def _with_validity(rule: RuleSpec) -> str:
    fields = rule.valid_from, rule.valid_to
    return rule.message_sv + (f" (Gäller {_validity(*fields)}.)" if any(fields) else "")


def _not_yet_note(column: ColumnSpec) -> str:
    said = ", ".join(f"”{text}”" for text in column.not_yet)
    return f" Står det {said} läses det som att inget slut finns ännu." if said else ""


def _validity_note(column: ColumnSpec) -> str:
    fields = column.valid_from, column.valid_to
    return f" Gäller {_validity(*fields)}." if any(fields) else ""


def _validity(first: date | None, last: date | None) -> str:
    return " ".join(
        text for text in (first and f"från och med {first}", last and f"till och med {last}") if text
    )


def _sidecar(spec: RecordSpec) -> Iterator[str]:
    systems = ", ".join(system.name for system in load_systems().values())
    yield "## Följefil"
    yield ""
    yield (
        "Lägg gärna en textfil bredvid, med filens namn och `.yml` efter (`uttag.xlsx` → `uttag.xlsx.yml`). "
        "Alla uppgifter är frivilliga; det som saknas läses ur filnamn och rader och sägs i återkopplingen."
    )
    yield ""
    for key, text in _SIDECAR:
        yield f"- `{key}`: {text.format(record_type=spec.record_type, systems=systems)}"
    yield ""
    yield "```yaml"
    yield f"record_type: {spec.record_type}"
    yield "period_from: 2023-01-01"
    yield "period_to: 2023-12-31"
    yield "full: true"
    yield "extracted_on: 2024-01-15"
    yield "```"
    yield ""


def _example(spec: RecordSpec) -> Iterator[str]:
    shown: Sequence[ColumnSpec] = [c for c in spec.columns if c.type is not CellType.TEXT][:12]
    yield "## Exempel (påhittade uppgifter)"
    yield ""
    yield "```"
    yield ";".join(column.label_sv for column in shown)
    yield ";".join(_quoted(column.example) for column in shown)
    yield "```"
    yield ""


def _quoted(text: str) -> str:
    return f'"{text}"' if ";" in text else text


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
