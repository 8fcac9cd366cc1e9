"""Rules about identities: what the sender is told when a child id cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tracker.domain.findings import Finding, Severity
from tracker.pseudonymise.national_id import Reason

ERASED = "erased_subject"
"""Rule that sets a row aside: the child was erased, so what is delivered about it is not taken in."""


class IdentityRule(StrEnum):
    """Findings that are not about the damage of one cell."""

    NOT_STABLE = "not_stable"
    NO_DIGITS = "no_digits"
    ADULT = "adult"
    TWO_PEOPLE = "two_people"
    NUMBER_IN_TEXT = "number_in_text"


@dataclass(frozen=True)
class Text:
    """A rule as the sender meets it."""

    id: str
    severity: Severity
    message: str
    remedy: str
    expected: str = "personnummer eller samordningsnummer med 10 eller 12 siffror"


_AS_TEXT = "Formatera kolumnen som text i Excel innan uttaget klistras in, och leverera raden igen."
_CHECK = "Kontrollera numret i verksamhetssystemet, rätta och leverera raden igen."

BROKEN = {
    Reason.LOST_ZERO: Text("ID-101", Severity.ERROR, "Barnets id har tappat inledande nollor.", _AS_TEXT),
    Reason.SCIENTIFIC: Text(
        "ID-102", Severity.ERROR, "Barnets id är avrundat till ett tal med tiopotens.", _AS_TEXT
    ),
    Reason.DECIMALS: Text("ID-103", Severity.ERROR, "Barnets id är ett tal med decimaler.", _AS_TEXT),
    Reason.APOSTROPHE: Text("ID-104", Severity.ERROR, "Barnets id inleds med en apostrof.", _AS_TEXT),
    Reason.READ_AS_DATE: Text("ID-105", Severity.ERROR, "Barnets id har blivit ett datum.", _AS_TEXT),
    Reason.LENGTH: Text("ID-106", Severity.ERROR, "Barnets id har fel antal siffror.", _CHECK),
    Reason.NO_SUCH_DATE: Text(
        "ID-107", Severity.ERROR, "Barnets personnummer börjar inte med ett datum som finns.", _CHECK
    ),
    Reason.CENTURY: Text("ID-108", Severity.ERROR, "Barnets personnummer har fel århundrade.", _CHECK),
    Reason.FUTURE: Text(
        "ID-109", Severity.ERROR, "Barnets personnummer har ett födelsedatum efter uttagsdagen.", _CHECK
    ),
    Reason.CHECK_DIGIT: Text(
        "ID-110", Severity.ERROR, "Kontrollsiffran i barnets personnummer stämmer inte.", _CHECK
    ),
    Reason.SERIAL: Text("ID-111", Severity.ERROR, "Barnets personnummer har födelsenummer 000.", _CHECK),
    Reason.INCOMPLETE: Text(
        "ID-112",
        Severity.ERROR,
        "Barnets id är bara ett födelsedatum.",
        "Leverera hela numret, eller lämna cellen tom och ange födelsedatum i sin egen kolumn.",
    ),
    Reason.MIXED: Text(
        "ID-113",
        Severity.ERROR,
        "Barnets id innehåller ett personnummer tillsammans med annat.",
        "Lämna bara personnumret i kolumnen och leverera raden igen.",
    ),
}
"""What a broken id does to its row. ``Reason.NO_DIGITS`` is not here: such a cell names nobody."""

OTHER = {
    IdentityRule.NOT_STABLE: Text(
        "ID-201",
        Severity.WARNING,
        "Lokala id har lämnats utan uppgift om att de är oförändrade mellan leveranser. Raderna räknas, "
        "men barnen kan inte följas över tid.",
        "Lämna personnummer, eller ange stable_child_ids: true i följefilen om systemet behåller sina id.",
    ),
    IdentityRule.NO_DIGITS: Text(
        "ID-202",
        Severity.WARNING,
        "Cellen för barnets id innehåller text utan siffror och läses som att id saknas. Raderna räknas, "
        "men barnen kan inte följas över tid.",
        "Lämna cellen tom när id saknas.",
    ),
    IdentityRule.ADULT: Text(
        "ID-203",
        Severity.WARNING,
        "Personnumret tillhör någon som var äldre än 25 år på uttagsdagen.",
        "Kontrollera att numret är barnets och inte vårdnadshavarens, och att uttagsdagen är rätt angiven.",
        expected="högst 25 år",
    ),
    IdentityRule.TWO_PEOPLE: Text(
        "ID-114",
        Severity.ERROR,
        "Samma lokala id har olika kön eller födelsedatum på olika rader: två barn med ett id.",
        "Rätta id, kön eller födelsedatum i verksamhetssystemet och leverera raderna igen.",
        expected="ett barn för varje lokalt id",
    ),
    IdentityRule.NUMBER_IN_TEXT: Text(
        "ID-115",
        Severity.ERROR,
        "Texten innehåller ett personnummer.",
        "Ta bort personnumret ur texten och leverera raden igen.",
        expected="text utan personnummer",
    ),
}


@dataclass(frozen=True)
class Place:
    """Where a finding stands: sheet, Excel row, column letter and the fields involved."""

    sheet: str
    row: int | None
    column: str
    fields: tuple[str, ...]


def finding(text: Text, place: Place, found: str = "", count: int = 1) -> Finding:
    """A finding at its place; ``found`` is a shape, never a value."""
    return Finding(
        rule=text.id,
        severity=text.severity,
        message=text.message,
        remedy=text.remedy,
        sheet=place.sheet,
        row=place.row,
        column=place.column,
        fields=place.fields,
        expected=text.expected,
        found=found,
        count=count,
    )
