"""An inbox made by hand: good files of several municipalities, and beside them everything that goes wrong.

All rows are synthetic; numbers are of the tax agency's test series.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from tests import intake_corpus as corpus
from tests.e2e.canaries import number, twelve

REFERRAL = [
    "Personnummer",
    "Inkom datum",
    "Kön",
    "Ålder",
    "Aktualiseringstyp",
    "Orsak",
    "Åtgärd",
    "Åtgärdsdatum",
]
INVESTIGATION = [
    *("Personnummer", "Inledd datum", "Avslutad datum", "Utrednings-id", "Bedömt behov"),
    "Utredningens resultat",
]
CHILD, RECEIVED, SEX, AGE, TYPE, REASON, ACTION, ACTED = range(8)

SIDECAR = "period_from: 2024-01-01\nperiod_to: 2024-12-31\nextracted_on: 2025-01-10\n"


@dataclass(frozen=True)
class Case:
    """One delivered file: what must become of it, and what its sender must be told.

    ``rules`` are those of the findings it must get, with the row each points at (None: the file).
    """

    municipality: str
    name: str
    content: bytes
    rules: dict[str, int | None]
    state: str = "loaded"
    good: int = 0
    bad: int = 0
    aside: int = 0
    sidecar: str = ""

    @property
    def shown(self) -> str:
        """The name as people see it: bytes that are no UTF-8 cannot be shown."""
        return os.fsencode(self.name).decode("utf-8", "replace")

    @property
    def rows(self) -> int:
        """Rows in the file, counted by hand."""
        return self.good + self.bad + self.aside


def pnr(n: int) -> str:
    """A synthetic number, a different one for each ``n``."""
    return twelve(number(date(2010, 1, 3) + timedelta(days=5 * n), 980 + n % 20))


def referrals(count: int, first: int) -> list[list[Any]]:
    """Good rows, their children numbered from ``first``."""
    rows = []
    for n in range(first, first + count):
        day = date(2024, 1 + n % 12, 1 + n % 28)
        sex, action = ("Flicka", "Pojke")[n % 2], ("Utredning inleds", "Utredning inleds inte")[n % 3 == 0]
        rows.append([pnr(n), day, sex, n % 17, "Anmälan", "Skolproblematik", action, day + timedelta(days=3)])
    return rows


def investigations(count: int, first: int) -> list[list[Any]]:
    """Good rows."""
    days = [date(2024, 1 + n % 10, 1 + n % 28) for n in range(first, first + count)]
    return [
        [pnr(n), day, day + timedelta(days=60), f"U-{n}", "Behov av stöd", "Insats"]
        for n, day in zip(range(first, first + count), days, strict=True)
    ]


def book(rows: Sequence[Sequence[Any]], headers: Sequence[Any] = REFERRAL) -> bytes:
    """A workbook of rows under headers."""
    return corpus.xlsx([headers, *rows])


def changed(rows: list[list[Any]], row: int, **cells: Any) -> list[list[Any]]:
    """The rows with cells of one changed."""
    copy = [list(cells_of) for cells_of in rows]
    for name, cell in cells.items():
        copy[row][globals()[name]] = cell
    return copy


def good_cases() -> list[Case]:
    """Files nothing is wrong with, of municipalities that send nothing else."""
    investigated = book(investigations(4, 0), INVESTIGATION)
    named = corpus.text([REFERRAL, *referrals(4, 36)])
    semicolons = corpus.text([REFERRAL, *referrals(6, 20)], encoding="cp1252")
    return [
        Case("0114", "Aktualiseringar 2024.xlsx", book(referrals(8, 0)), {}, good=8, sidecar=SIDECAR),
        Case("0114", "Utredningar 2024.xlsx", investigated, {}, good=4, sidecar=SIDECAR),
        Case("0115", "akt_2024.csv", semicolons, {}, good=6, sidecar=SIDECAR),
        Case("0115", os.fsdecode("gammal dator å.csv".encode("cp1252")), named, {}, good=4, sidecar=SIDECAR),
        Case("0115", "äldre.xls", corpus.xls([REFERRAL, *referrals(5, 30)]), {}, good=5, sidecar=SIDECAR),
    ]


def refused_cases() -> list[Case]:
    """Files that cannot be used at all, all of one sender, with one good file among them."""
    table = book(referrals(5, 40))
    formulas = corpus.uncalculated("B3")
    refused: dict[str, tuple[str, bytes, str]] = {
        "fel filändelse": ("FILE-003", table, ".exe"),
        "text som arbetsbok": ("FILE-004", corpus.text([REFERRAL, *referrals(2, 40)]), ".xlsx"),
        "pdf": ("FILE-004", b"%PDF-1.7 synthetic", ".csv"),
        "tom": ("FILE-001", b"", ".xlsx"),
        "avkortad": ("FILE-009", table[: len(table) // 2], ".xlsx"),
        "krypterad zip": ("FILE-006", corpus.encrypted_zip(), ".xlsx"),
        "lösenord": ("FILE-006", corpus.encrypted_office(), ".xlsx"),
        "makro": ("FILE-007", corpus.with_macro(), ".xlsx"),
        "makro i xls": ("FILE-007", corpus.macro_xls(), ".xls"),
        "zipbomb": ("FILE-010", corpus.zip_bomb(30_000_000), ".xlsx"),
        "ljuger om storlek": ("FILE-009", corpus.lying_size(), ".xlsx"),
        "miljarder skratt": ("FILE-012", corpus.billion_laughs(), ".xlsx"),
        "fjärran cell": ("FILE-013", corpus.far_cell(), ".xlsx"),
        "länkar": ("FILE-008", corpus.with_external_link(), ".xlsx"),
        "klättrar ur": ("FILE-011", corpus.climbing_name(), ".xlsx"),
        "dos-text": ("FILE-020", corpus.text([REFERRAL, *referrals(4, 40)], encoding="cp850"), ".csv"),
        "dubbelkodad": ("FILE-022", _encoded_twice(), ".csv"),
        "bara nolltecken": ("FILE-020", b"\0" * 4_000, ".csv"),
        "utan rubriker": ("FILE-030", corpus.xlsx(referrals(4, 40)), ".xlsx"),
        "rubriker fattas": ("FILE-031", book([r[:4] for r in referrals(4, 40)], REFERRAL[:4]), ".xlsx"),
        "dubbel rubrik": ("FILE-038", _doubled(), ".xlsx"),
        "formler utan värden": ("FILE-015", formulas, ".xlsx"),
        "inga rader": ("FILE-017", book([]), ".xlsx"),
        "annan kommun": ("FILE-065", _of_another(), ".xlsx"),
    }
    cases = [
        Case("0117", f"{n:02d} {name}{ending}", content, {rule: None}, state="rejected")
        for n, (name, (rule, content, ending)) in enumerate(refused.items())
    ]
    sidecars = {
        "okänd uppgift": ("FILE-061", "fulll: true\n"),
        "fel värde": ("FILE-062", "full: kanske\n"),
        "baklänges period": ("FILE-062", "period_from: 2024-12-31\nperiod_to: 2024-01-01\n"),
        "ingen yaml": ("FILE-060", "full: [\n"),
    }
    cases += [
        Case("0117", f"{name}.xlsx", table + bytes(n), {rule: None}, state="rejected", sidecar=text)
        for n, (name, (rule, text)) in enumerate(sidecars.items())
    ]
    return [*cases, Case("0117", "rätt.xlsx", book(referrals(5, 50)), {}, good=5, sidecar=SIDECAR)]


def _encoded_twice() -> bytes:
    return corpus.text([REFERRAL, *referrals(4, 40)]).decode("cp1252", "replace").encode()


def _doubled() -> bytes:
    rows = [[*row, row[RECEIVED] + timedelta(days=1)] for row in referrals(4, 40)]
    return book(rows, [*REFERRAL, "Inkom datum"])


def _of_another() -> bytes:
    return book([[*row, "Vallentuna"] for row in referrals(4, 40)], [*REFERRAL, "Kommun"])


def mixed_cases() -> list[Case]:
    """Files with good and bad rows; the good ones must load."""
    rows = referrals(6, 60)
    return [
        *_damaged_ids(rows),
        *_odd_dates(rows),
        *_odd_text(rows),
        *_odd_tables(rows),
        _one_row("slut före start.xlsx", "INV-102", _closing_first(), INVESTIGATION),
    ]


def _one_row(name: str, rule: str, rows: list[list[Any]], headers: Sequence[Any] = REFERRAL) -> Case:
    """A workbook whose second row (Excel row 3) is stopped by ``rule``."""
    return Case("0120", name, book(rows, headers), {rule: 3}, good=len(rows) - 1, bad=1, sidecar=SIDECAR)


def _damaged_ids(rows: list[list[Any]]) -> list[Case]:
    born = number(date(2009, 1, 5), 981)
    damaged: dict[str, tuple[str, Any]] = {
        "tappad nolla": ("ID-101", int(born[2:])),
        "tiopotens": ("ID-102", "2,00901E+11"),
        "decimaler": ("ID-103", float(born) + 0.5),
        "apostrof": ("ID-104", f"'{born}"),
        "datum": ("ID-105", date(2009, 1, 5)),
        "elva siffror": ("ID-106", born[:11]),
        "finns inte": ("ID-107", "20090231-9812"),
        "kontrollsiffra": ("ID-110", f"{born[:11]}{(int(born[11]) + 1) % 10}"),
        "bara födelsedatum": ("ID-112", "20090105-"),
        "med namn": ("ID-113", f"{twelve(born)} Sångtrastander"),
        "två barn": ("ID-114", None),
    }
    cases = [
        _one_row(f"id {name}.xlsx", rule, changed(rows, 1, CHILD=cell))
        for name, (rule, cell) in damaged.items()
    ]
    shared = changed(changed(rows, 1, CHILD="K-17", SEX="Flicka"), 2, CHILD="K-17", SEX="Pojke")
    sidecar = SIDECAR + "system: Lifebook\n"
    two = Case("0120", "id två barn.xlsx", book(shared), {"ID-114": 3}, good=4, bad=2, sidecar=sidecar)
    return [*cases[:-1], two]


def _odd_dates(rows: list[list[Any]]) -> list[Case]:
    odd: dict[str, tuple[str, Any]] = {
        "orimligt årtal": ("CELL-103", "2203-03-01"),
        "före 1990": ("CELL-103", "1924-03-01"),
        "två tolkningar": ("CELL-102", "03/04/2024"),
        "kort årtal": ("CELL-102", "24-03-01"),
        "finns inte": ("CELL-101", "2024-02-31"),
        "ord": ("CELL-101", "i våras"),
        "saknas": ("REF-101", None),
        "efter uttaget": ("REF-104", date(2025, 3, 1)),
    }
    cases = [
        _one_row(f"datum {name}.xlsx", rule, changed(rows, 1, RECEIVED=cell, ACTED=None))
        for name, (rule, cell) in odd.items()
    ]
    early = changed(rows, 1, ACTED=date(2023, 1, 1))
    return [*cases, _one_row("åtgärd före inkommen.xlsx", "REF-103", early)]


def _closing_first() -> list[list[Any]]:
    rows = investigations(4, 80)
    rows[1][2] = date(2023, 1, 1)
    return rows


def _odd_text(rows: list[list[Any]]) -> list[Case]:
    """Text files with lines that are broken, each in its own way."""
    lines = corpus.text([REFERRAL, *rows]).decode().split("\r\n")

    def spoilt(line: str) -> bytes:
        return "\r\n".join([*lines[:2], line, *lines[3:]]).encode()

    broken = {
        "nolltecken.csv": ("FILE-025", lines[2].replace("Anmälan", "Anm\0lan")),
        "citattecken.csv": ("FILE-026", lines[2].replace("Anmälan", '"Anmälan')),
        "för många celler.csv": ("FILE-028", lines[2] + ";en;till"),
    }
    cases = [
        Case("0120", name, spoilt(line), {rule: 3}, good=5, aside=1, sidecar=SIDECAR)
        for name, (rule, line) in broken.items()
    ]
    lost = spoilt(lines[2].replace("Anmälan", "Anm\ufffdlan"))
    return [*cases, Case("0120", "förlorade tecken.csv", lost, {"FILE-024": 3}, good=6, sidecar=SIDECAR)]


def _odd_tables(rows: list[list[Any]]) -> list[Case]:
    """Workbooks that look right and hold what no table should."""
    noise = "".join(random.Random(5).choices("abcdefghijklmnopqrstuvwxyzåäö 0123456789", k=20_000))
    elsewhere = [[*row, "Vallentuna" if n == 1 else "Värmdö"] for n, row in enumerate(rows)]
    twice = [[*row, row[REASON] if n else "Missbruk"] for n, row in enumerate(rows)]
    infinite = corpus.with_sheet(
        book(changed(rows, 1, AGE=424242)), lambda part: part.replace(b"<v>424242</v>", b"<v>1E999</v>")
    )
    control = corpus.with_parts(
        book(changed(rows, 1, REASON="Skol@problematik")),
        lambda parts: parts.update(
            {"xl/sharedStrings.xml": parts["xl/sharedStrings.xml"].replace(b"@", b"_x0000_")}
        ),
    )
    foreign = book(elsewhere, [*REFERRAL, "Kommun"])
    without = book([row[1:] for row in rows], REFERRAL[1:])
    doubled = book(twice, [*REFERRAL, "Orsaker"])
    written = book(changed(rows, 1, REASON=noise))
    summed = book([*rows, ["Summa", None, None, 6]])
    unprintable = SIDECAR + 'system: "Pro\\0cura \\uD800"\n'
    return [
        Case("0120", "kommunkolumn.xlsx", foreign, {"FILE-066": 3}, good=5, aside=1, sidecar=SIDECAR),
        Case("0120", "utan barn.xlsx", without, {"FILE-048": None}, good=6, sidecar=SIDECAR),
        Case("0120", "systemets namn.xlsx", book(rows), {"FILE-063": None}, good=6, sidecar=unprintable),
        Case("0120", "två orsakskolumner.xlsx", doubled, {"FILE-037": 1}, good=6, sidecar=SIDECAR),
        Case("0120", "lång orsak.xlsx", written, {"CELL-105": 3}, good=6, sidecar=SIDECAR),
        Case("0120", "nolltecken i cell.xlsx", control, {"FILE-025": 3}, good=5, aside=1, sidecar=SIDECAR),
        Case("0120", "oändlig ålder.xlsx", infinite, {"CELL-101": 3}, good=6, sidecar=SIDECAR),
        Case("0120", "arbetsbok.csv", book(rows), {"FILE-005": None}, good=6, sidecar=SIDECAR),
        Case("0120", "summarad.xlsx", summed, {"FILE-042": 8}, good=6, aside=1, sidecar=SIDECAR),
        Case("0120", "Vallentuna 0115.xlsx", book(rows[:3]), {"FILE-067": None}, good=3, sidecar=SIDECAR),
    ]


def all_cases() -> list[Case]:
    """Every file of the inbox that can be taken in."""
    return [*good_cases(), *refused_cases(), *mixed_cases()]


def build(inbox: Path, cases: Sequence[Case]) -> None:
    """Write the inbox."""
    for case in cases:
        path = inbox / case.municipality / case.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(case.content)
        if case.sidecar:
            path.with_name(f"{case.name}.yml").write_text(case.sidecar, encoding="utf-8")


def strays(inbox: Path) -> dict[str, str]:
    """What cannot even be taken in; rule by name."""
    (inbox / "9999").mkdir()
    (inbox / "9999" / "okänd kommun.xlsx").write_bytes(book(referrals(2, 100)))
    (inbox / "lös fil.xlsx").write_bytes(book(referrals(2, 100)))
    (inbox / "0114" / "ensam.xlsx.yml").write_text("full: true\n")
    (inbox / "0114" / "länk.xlsx").symlink_to(inbox / "lös fil.xlsx")
    (inbox / "0114" / "mapp").mkdir()
    os.mkfifo(inbox / "0114" / "rör.xlsx")
    return {
        "okänd kommun.xlsx": "FILE-070",
        "lös fil.xlsx": "FILE-073",
        "ensam.xlsx.yml": "FILE-072",
        "länk.xlsx": "FILE-071",
        "mapp": "FILE-071",
        "rör.xlsx": "FILE-071",
    }
