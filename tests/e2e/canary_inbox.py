"""An inbox with a synthetic national id everywhere a sender could put one. All of it is synthetic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from tests import intake_corpus as corpus
from tests.e2e.canaries import Canaries, full_width, ten, twelve

Row = dict[str, Any]

REFERRAL = ("Personnummer", "Inkom datum", "Kön", "Födelsedatum", "Ålder", "Aktualiseringstyp",
            "Aktualiseringsorsak", "Aktualiserad av", "Åtgärd", "Åtgärdsdatum", "Aktualiserings-id",
            "Ärende-id", "Utrednings-id", "Anteckning")  # fmt: skip

SIDECAR = (
    "record_type: {}\nperiod_from: 2024-01-01\nperiod_to: 2024-12-31\nextracted_on: 2025-01-15\nsystem: {}\n"
)

PEOPLE = ("Kanariefågelsson", "Sångtrastander")
"""Names in free text: they must vanish as the numbers must."""


def build(inbox: Path, birds: Canaries) -> None:
    """Write the inbox; ``birds`` remembers what was planted where."""
    own, other = _folders(inbox, birds)
    _referrals(own, birds)
    _lists_in_text(own, birds)
    _child_facts(own, birds)
    _counts(own, birds)
    _sidecars(other, birds)
    _rejected(other, birds)
    _strays(inbox, birds)


def add_some(inbox: Path, birds: Canaries) -> None:
    """Add to an inbox what holds most canaries; for where every file costs seconds."""
    own, other = _folders(inbox, birds)
    _referrals(own, birds)
    _child_facts(own, birds)
    _rejected(other, birds)
    _strays(inbox, birds)


def _folders(inbox: Path, birds: Canaries) -> tuple[Path, Path]:
    for name in PEOPLE:
        birds.text(name, "a name in free text")
    own, other = inbox / "0180", inbox / "1480"
    for folder in (own, other):
        folder.mkdir(parents=True, exist_ok=True)
    return own, other


def _good(birds: Canaries, n: int, place: str = "child column") -> Row:
    day = date(2024, 1 + n % 12, 1 + n % 27)
    return {
        "Personnummer": twelve(birds.new(place)),
        "Inkom datum": day,
        "Kön": ("Flicka", "Pojke")[n % 2],
        "Aktualiseringstyp": "Anmälan",
        "Aktualiseringsorsak": "Skolproblematik",
        "Aktualiserad av": "Skola",
        "Åtgärd": "Utredning inleds",
        "Åtgärdsdatum": day,
        "Aktualiserings-id": f"A-{len(birds.places)}",
    }


def child_notations(birds: Canaries) -> Iterator[Any]:
    """Child cells: every usable notation, then every kind of damage."""

    def new(what: str, **how: Any) -> str:
        return birds.new(f"child column, {what}", **how)

    def wide(text: str) -> str:
        return birds.text(full_width(text), "child column, full-width digits")

    yield from (new("12 digits"), twelve(new("12 digits and dash")), ten(new("10 digits and dash")))
    yield from (new("10 digits")[2:], twelve(new("blank"), " "), ten(new("en dash"), "–"))
    yield ten(new("plus, a hundred years old", born=date(1911, 3, 20)), "+")
    yield from (wide(new("full-width 12")), wide(ten(new("full-width 10"))))
    yield from (int(new("12 digits as a number")), int(new("10 digits as a number")[2:]))
    yield from (new("co-ordination", coordination=True), ten(new("co-ordination", coordination=True)))
    yield from ("\u00a0" + new("hard space"), "\u200b" + twelve(new("zero width")))
    # damaged
    lost = new("lost zero", born=date(2009, 1, 5))
    yield from (int(birds.text(lost[3:], "child column, lost zero")), "'" + twelve(new("apostrophe")))
    yield from (new("text with decimals") + ".0", float(new("number with decimals")) + 0.5)
    yield birds.text(f"{int(new('scientific')) / 1e11:.5f}E+11", "child column, scientific")
    yield birds.text(new("one digit short")[:11], "child column, one digit short")
    wrong = new("wrong check digit")
    yield birds.text(f"{wrong[:11]}{(int(wrong[11]) + 1) % 10}", "child column, wrong check digit")
    yield from (f"{ten(new('with a name'))} {PEOPLE[0]}", f"skyddad {new('with a word')}")
    yield birds.text(new("no such date")[:4] + "0231" + "9812", "child column, no such date")
    yield birds.text("2031" + new("future")[4:], "child column, future")


def _misplaced(birds: Canaries) -> Iterator[tuple[str, Any]]:
    """Columns in which no identity belongs, with one in them."""
    for column in REFERRAL[1:]:
        yield column, twelve(birds.new(f"column {column}, text"))
        yield column, int(birds.new(f"column {column}, number"))
        yield column, f"{PEOPLE[1]} {ten(birds.new(f'column {column}, in words'), ' ')}"
        yield column, full_width(birds.new(f"column {column}, full-width"))
        yield column, ten(birds.new(f"column {column}, co-ordination", coordination=True))


def _referrals(folder: Path, birds: Canaries) -> None:
    """A workbook with canaries above, in and below the table, in headers and in names of sheets."""
    rows = [_good(birds, n) for n in range(12)]
    rows += [{**_good(birds, n), "Personnummer": cell} for n, cell in enumerate(child_notations(birds))]
    rows += [{**_good(birds, n), column: cell} for n, (column, cell) in enumerate(_misplaced(birds))]
    rows += [rows[0], {**rows[1], "Åtgärdsdatum": date(2020, 1, 1)}, {**rows[2], "Inkom datum": None}]
    headers: list[Any] = [*REFERRAL, f"Handläggare {ten(birds.new('unknown header'))}", "Egen kolumn", None]
    extra: list[list[Any]] = [
        [birds.new("unknown column"), f"{PEOPLE[0]} {birds.new('unknown column')}", birds.new("no header")]
        for _ in range(3)
    ]
    extra += [[None] * 3] * (len(rows) - len(extra))
    table = [
        [*(row.get(column) for column in REFERRAL), *more] for row, more in zip(rows, extra, strict=True)
    ]
    above: list[list[Any]] = [
        [f"Uttag för {PEOPLE[0]}, {twelve(birds.new('title row'))}"],
        [int(birds.new("title row, number"))],
    ]
    below: list[list[Any]] = [
        [f"Summa {ten(birds.new('sum row'))}", 17],
        [None, f"Utskrivet av {PEOPLE[1]} {birds.new('footer')}"],
    ]
    sheets: Mapping[str, Sequence[Sequence[Any]]] = {
        f"Blad {ten(birds.new('sheet name'))}": [*above, headers, *table, *below],
        twelve(birds.new("name of another sheet"), " "): [headers, *table[:3]],
    }
    path = folder / f"Aktualiseringar {twelve(birds.new('file name'))} år.xlsx"
    path.write_bytes(corpus.xlsx_sheets(sheets))
    _beside(path, SIDECAR.format("referrals", "Procura"))


def _beside(path: Path, text: str) -> None:
    path.with_name(f"{path.name}.yml").write_text(text, encoding="utf-8")


def _lists_in_text(folder: Path, birds: Canaries) -> None:
    """A text file without a sidecar: broken lines, quotes that never close, NUL, a date beside a number."""
    rows = [_good(birds, 40 + n, "child column of a text file") for n in range(8)]
    lines = [";".join(REFERRAL)]
    lines += [";".join("" if row.get(c) is None else str(row.get(c)) for c in REFERRAL) for row in rows]
    lines[3] += f";för många;celler;{twelve(birds.new('line with too many cells'))};{PEOPLE[0]}"
    lines[4] += f'"{birds.new("unclosed quote")}'
    lines[5] += f"\0{birds.new('line with NUL')}"
    lines[6] = f"{birds.new('short line')};2024-05-05"
    path = folder / f"lista_{birds.new('file name of a list')}_2024.csv"
    path.write_bytes("\r\n".join(lines).encode("cp1252"))


def _child_facts(folder: Path, birds: Canaries) -> None:
    headers = ["Personnummer", "Datum", "Uppgift", "Värde", "Tidigare personnummer", "Anteckning"]
    changed = birds.new("number changed to")
    cut = birds.text(ten(birds.new("earlier number, cut"))[:-1], "earlier number, cut")
    rows: list[list[Any]] = [
        [
            changed,
            date(2024, 5, 1),
            "Nytt personnummer",
            None,
            birds.new("earlier number", coordination=True),
            None,
        ],
        [birds.new("child"), date(2024, 5, 2), "Nytt personnummer", None, cut, None],
        [birds.new("child"), date(2024, 5, 3), "Födelseland", birds.new("value of a child fact"), None, None],
        [
            birds.new("child"),
            date(2024, 5, 4),
            f"Flyttat {birds.new('kind of child fact')}",
            None,
            None,
            None,
        ],
        [
            birds.new("child"),
            date(2024, 5, 5),
            "Avliden",
            None,
            None,
            f"{PEOPLE[1]} {birds.new('note of a fact')}",
        ],
        [None, date(2024, 5, 6), "Diagnos", "ADHD", birds.new("earlier number alone"), None],
    ]
    path = folder / "Barnuppgifter 2024.xlsx"
    path.write_bytes(corpus.xlsx([headers, *rows], sheet=f"{ten(birds.new('sheet of child facts'))}"))
    _beside(path, SIDECAR.format("child_facts", "Procura"))


def _counts(folder: Path, birds: Canaries) -> None:
    """Files without persons, in which a number may have slipped into a sum."""
    headers = ["Månad", "Typ av öppen insats", "Kön", "Åldersgrupp", "Antal påbörjade"]
    rows: list[list[Any]] = [
        ["2024-03", "Rådgivande samtal", "Flicka", "6-8 år", 4],
        ["2024-03", "Rådgivande samtal", "Pojke", "6-8 år", int(birds.new("count"))],
        ["2024-04", f"Samtal {birds.new('kind of support')}", "Pojke", "6-8 år", 2],
        ["2024-04", "Rådgivande samtal", "Pojke", birds.new("age group"), 2],
        [birds.new("month"), "Rådgivande samtal", "Pojke", "6-8 år", 2],
    ]
    path = folder / "Öppet stöd antal 2024.xlsx"
    path.write_bytes(corpus.xlsx([headers, *rows]))
    _beside(path, SIDECAR.format("open_support_counts", "Procura"))
    headers = ["År", "Befolkning 0–17 år", "Befolkning totalt", "Storleksklass", "Årsarbetare"]
    facts: list[list[Any]] = [
        [2024, 900, int(birds.new("population")), "liten", 11.5],
        [2023, 900, 9000, birds.new("size class"), 11.5],
        [2022, 900, 9000, "liten", float(birds.new("staff"))],
    ]
    path = folder / "Kommunuppgifter.xlsx"
    path.write_bytes(corpus.xlsx([headers, *facts]))


def _sidecars(folder: Path, birds: Canaries) -> None:
    """Sidecars with a number where a key, a name, a day or a truth value should stand; one as no YAML."""
    wrong = {
        "key": f"{twelve(birds.new('sidecar key'))}: true\n",
        "full": f"full: {birds.new('sidecar full')}\n",
        "day": f"period_from: {twelve(birds.new('sidecar day'))}\nperiod_to: 2024-12-31\n",
        "type": f"record_type: {ten(birds.new('sidecar record type'))}\n",
        "number": f"system: {birds.new('sidecar system as a number')}\n",
        "system": SIDECAR.format(
            "referrals", f"Procura {ten(birds.new('sidecar system'))} {birds.new('again')}"
        ),
        "yaml": f"full: [{PEOPLE[0]}: {twelve(birds.new('sidecar that is no YAML'))}\n",
    }
    for n, (name, text) in enumerate(wrong.items()):
        path = folder / f"{name}.xlsx"
        rows = [_good(birds, n, f"child beside sidecar {name}")]
        path.write_bytes(corpus.xlsx([REFERRAL, *[[row.get(c) for c in REFERRAL] for row in rows]]))
        _beside(path, text)


def _rejected(folder: Path, birds: Canaries) -> None:
    """Files that cannot be used, their reasons full of numbers."""
    row = [_good(birds, 5, "child of a rejected file").get(column) for column in REFERRAL]
    headless: list[list[Any]] = [
        [ten(birds.new("first line of a file without headers")), f"{PEOPLE[0]}", 7],
        row[:3],
    ]
    half: list[list[Any]] = [
        ["Personnummer", "Kön", f"Anmält {ten(birds.new('header of a rejected file'))}"],
        row[:3],
    ]
    book = corpus.xlsx([REFERRAL, row])
    macro = f"xl/{twelve(birds.new('part of a zip'))}vbaProject.bin"
    files: dict[str, bytes] = {
        f"utan rubriker {birds.new('file name of a rejected file')}.xlsx": corpus.xlsx(headless),
        "halva rubriker.xlsx": corpus.xlsx(half),
        f"fel filtyp.{birds.new('file name ending')}": book,
        "avkortad.xlsx": book[:-300],
        "makro.xlsx": corpus.with_parts(book, lambda parts: parts.update({macro: b"x"})),
        "text.xlsx": ";".join(map(str, row)).encode(),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _strays(inbox: Path, birds: Canaries) -> None:
    """Things that cannot be taken in, named after somebody."""
    (inbox / f"{twelve(birds.new('loose file'))}.xlsx").write_bytes(b"x")
    folder = inbox / birds.new("folder that is no municipality")
    folder.mkdir()
    (folder / f"{ten(birds.new('file in a strange folder'))}.xlsx").write_bytes(b"x")
    (inbox / "0180" / f"{twelve(birds.new('orphan sidecar'), '_')}.xlsx.yml").write_text("full: true\n")
    (inbox / "0180" / f"{birds.new('link')}.xlsx").symlink_to("/etc/hostname")


def corrected(inbox: Path, birds: Canaries) -> None:
    """The workbook again, a day later: a row corrected, a row gone, a new one."""
    rows = [_good(birds, n, "child column of a corrected file") for n in range(4)]
    rows[0]["Åtgärd"] = "Utredning inleds inte"
    path = inbox / "0180" / "Rättade aktualiseringar.xlsx"
    path.write_bytes(corpus.xlsx([REFERRAL, *[[row.get(c) for c in REFERRAL] for row in rows]]))
    text = SIDECAR.format("referrals", "Procura").replace("2025-01-15", "2025-02-15") + "full: true\n"
    _beside(path, text)
