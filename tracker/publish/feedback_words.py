"""What the feedback workbook says: will the file be used, why, and what to do next. In plain Swedish."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tracker.domain.delivery import DISMISSED, DeliveryState, Outcome
from tracker.domain.findings import Finding, Severity
from tracker.publish.feedback_content import Feedback
from tracker.publish.swedish import counted, number, percent

YES, NO, PARTLY = "Ja", "Nej", "Delvis"
HELD, RECEIVED = "Väntar på bekräftelse", "Väntar på inläsning"

SEVERITY = {
    Severity.FATAL: "Stoppar filen",
    Severity.ERROR: "Stoppar raden",
    Severity.WARNING: "Kontrollera",
    Severity.INFO: "För kännedom",
}
"""Severities in the order they matter, and what they mean to the sender."""

OUTCOME = {
    Outcome.APPENDED: ("Nya rader", "Fanns inte hos oss förut och har lagts till."),
    Outcome.CORRECTED: ("Ändrade rader", "Fanns med annat innehåll. Det nya innehållet gäller nu."),
    Outcome.UNCHANGED: ("Oförändrade rader", "Samma uppgift som ni redan har lämnat. Inget ändras."),
    Outcome.QUARANTINED: (
        "Stoppade rader",
        "Används inte förrän felet är rättat. Se bladet Fel och varningar.",
    ),
    Outcome.SET_ASIDE: ("Undantagna rader", "Räknas inte med, av de skäl som står nedan."),
}


@dataclass(frozen=True)
class Reason:
    """Why rows were set aside, in a few words and in a sentence."""

    name: str
    meaning: str


SET_ASIDE = {
    "older_extract": Reason(
        "äldre uttag", "Ni har redan lämnat ett senare uttag som täcker samma uppgift; det senare gäller."
    ),
    "duplicate_row": Reason(
        "samma id två gånger", "Filen har flera rader med samma id; en av dem används, de övriga räknas inte."
    ),
    "sum_row": Reason("summarader", "Raden är en summa av andra rader."),
    "footer_row": Reason("rader under tabellen", "Raden står under tabellen och innehåller inga uppgifter."),
    "header_row": Reason("upprepade rubriker", "Raden upprepar kolumnrubrikerna."),
    "other_municipality": Reason(
        "annan kommun", "Raden gäller en annan kommun. Leverera den i den kommunens mapp."
    ),
    "erased_subject": Reason(
        "raderade uppgifter", "Uppgifterna om barnet är raderade hos oss och tas inte in igen."
    ),
}
"""Rules that set rows aside; the others are told by the finding of the same name."""


@dataclass(frozen=True)
class Answer:
    """The first line: one word, and a sentence or two on why."""

    word: str
    why: str


@dataclass(frozen=True)
class ErrorGroup:
    """All findings of one rule about the same fields: an example, and how many rows they stand for."""

    example: Finding
    count: int


def answer(feedback: Feedback) -> Answer:
    """Whether the file will be used."""
    match feedback.state:
        case DeliveryState.REJECTED if _dismissed(feedback):
            return Answer(NO, f"{_would_have_lost(feedback)} Vi använder den därför inte. Inget är ändrat.")
        case DeliveryState.REJECTED:
            why = "Filen kunde inte läsas. Inget i den används, och inget som ni har lämnat tidigare ändras."
            return Answer(NO, why)
        case DeliveryState.HELD:
            return Answer(HELD, _why_held(feedback))
        case DeliveryState.RECEIVED:
            return Answer(RECEIVED, "Filen är mottagen men ännu inte inläst.")
        case DeliveryState.LOADED:
            return _answer_loaded(feedback)


def _dismissed(feedback: Feedback) -> bool:
    return any(finding.rule == DISMISSED for finding in feedback.findings)


def _why_held(feedback: Feedback) -> str:
    return (
        f"{_would_have_lost(feedback)} Det är så många att vi väntar tills ni har bekräftat att de ska tas "
        "bort. Inget är ändrat än."
    )


def _would_have_lost(feedback: Feedback) -> str:
    lost = counted(feedback.retracted, "uppgift", "uppgifter")
    share = (
        f" av {number(feedback.covered)} ({percent(feedback.retracted, feedback.covered)})"
        if feedback.covered
        else ""
    )
    return (
        f"Filen anges vara hela innehållet för perioden, men {lost}{share} som ni har lämnat tidigare "
        "saknas i den."
    )


def _answer_loaded(feedback: Feedback) -> Answer:
    rows, used, stopped = feedback.rows, feedback.used, feedback.stopped
    if not rows:
        return _answer_empty(feedback)
    if not used:
        none = (
            "Den enda raden kunde inte användas."
            if rows == 1
            else f"Ingen av {_of_rows(rows)} kunde användas."
        )
        return Answer(NO, none + _stopped(stopped))
    if stopped:
        return Answer(PARTLY, f"{number(used)} av {_of_rows(rows)} används.{_stopped(stopped)}")
    return Answer(YES, _why_used(feedback))


def _answer_empty(feedback: Feedback) -> Answer:
    if not feedback.full:
        return Answer(NO, "Filen har inga rader att läsa in.")
    return Answer(YES, "Filen har inga rader. Den läses som att det inte finns några uppgifter för perioden.")


def _why_used(feedback: Feedback) -> str:
    rows, used = feedback.rows, feedback.used
    if feedback.outcome_counts.get(Outcome.UNCHANGED, 0) == rows:
        return f"{_every(rows)} innehåller det ni redan har lämnat. Inget ändras."
    if used == rows:
        return f"{_every(rows)} används."
    aside = counted(rows - used, "rad är undantagen", "rader är undantagna")
    return f"{number(used)} av {_of_rows(rows)} används. {aside}, av de skäl som står nedan."


def _of_rows(rows: int) -> str:
    return counted(rows, "rad", "rader")


def _every(rows: int) -> str:
    return "Den enda raden" if rows == 1 else f"Alla {_of_rows(rows)}"


def _stopped(stopped: int) -> str:
    if not stopped:
        return ""
    one, many = "rad är stoppad tills felet är rättat", "rader är stoppade tills felen är rättade"
    return f" {counted(stopped, one, many)}."


def next_steps(feedback: Feedback) -> list[str]:
    """What the sender should do, in order."""
    return list(_steps(feedback)) or ["Inget behöver göras. Tack för leveransen!"]


def _steps(feedback: Feedback) -> Iterator[str]:
    if _dismissed(feedback):
        yield "Kontrollera att uttaget är fullständigt: rätt period, alla enheter, inga filter."
        yield "Gör om uttaget och leverera det på nytt. Den här filen används inte, även om den skickas igen."
        return
    if feedback.state is DeliveryState.REJECTED:
        yield "Rätta det som står under De vanligaste felen och leverera filen igen."
        return
    if feedback.state is DeliveryState.HELD:
        yield "Kontrollera att uttaget är fullständigt: rätt period, alla enheter, inga filter."
        yield f"Stämmer det: meddela oss att leverans {feedback.delivery_no} ska användas."
        yield "Stämmer det inte: gör om uttaget och leverera igen. Den här filen används då aldrig."
        return
    if feedback.stopped:
        yield "Rätta felen i verksamhetssystemet, inte i filen. Börja med de vanligaste; de står överst."
        yield "Gör om uttaget och leverera hela filen igen. Det som redan är inläst räknas inte två gånger."
    if any(finding.severity is Severity.WARNING for finding in feedback.findings):
        yield "Se igenom raderna märkta Kontrollera på bladet Fel och varningar. De används som de är."
    if unknown := sum(not reading.code for reading in feedback.readings):
        wordings = counted(unknown, "formulering", "formuleringar")
        yield (
            f"{wordings} kunde vi inte läsa (överst på bladet Så läste vi era koder). Raderna används ändå. "
            "Berätta gärna vad orden betyder, så läses de rätt bakåt i tiden också."
        )


Kind = tuple[str, Severity, tuple[str, ...]]


def kind(finding: Finding) -> Kind:
    """What makes two findings one kind of error: rule, severity and the fields they are about."""
    return finding.rule, finding.severity, finding.fields


def error_groups(findings: Sequence[Finding]) -> list[ErrorGroup]:
    """Findings by kind: what stops the file first, then what stops rows, the most common first."""
    by_kind: dict[Kind, list[Finding]] = {}
    for finding in findings:
        by_kind.setdefault(kind(finding), []).append(finding)
    groups = [ErrorGroup(same[0], sum(finding.count for finding in same)) for same in by_kind.values()]
    order = list(SEVERITY)
    return sorted(groups, key=lambda g: (order.index(g.example.severity), -g.count, g.example.rule))


def why_set_aside(rule: str, feedback: Feedback) -> Reason:
    """Why rows were set aside by a rule: its own words, else those of its finding."""
    told = (finding.message for finding in feedback.findings if finding.rule == rule)
    return SET_ASIDE.get(rule) or Reason(rule, next(told, f"Undantagna enligt regel {rule}."))


def delivery_facts(feedback: Feedback) -> list[tuple[str, str]]:
    """What was delivered, as (label, value)."""
    period = feedback.period
    scope = "Hela innehållet för perioden" if feedback.full else "Tillägg (inget tas bort)"
    return [
        ("Kommun", f"{feedback.municipality_name} ({feedback.municipality})"),
        ("Leverans nr", str(feedback.delivery_no)),
        ("Fil", feedback.file_name),
        ("Uppgifter", feedback.record_type_label or "Inte känt"),
        ("Period", f"{period.first} till och med {period.last}" if period else "Inte känd"),
        ("Omfattning", scope),
        ("Uttagen ur systemet", str(feedback.extracted_on or "Inte känt")),
    ]
