"""The first sheet of the feedback: will the file be used, what became of its rows, what to do next."""

from __future__ import annotations

from tracker.domain.delivery import DeliveryState
from tracker.publish.feedback_book import SYNTHETIC, Book, line_height, more
from tracker.publish.feedback_content import Feedback
from tracker.publish.feedback_words import (
    OUTCOME,
    SEVERITY,
    ErrorGroup,
    answer,
    delivery_facts,
    error_groups,
    next_steps,
    why_set_aside,
)
from tracker.publish.stamp import is_synthetic
from tracker.publish.swedish import percent

SHEET = "Sammanfattning"
MOST_COMMON = 10

_LABEL, _COUNT, _TEXT = 31, 14, 92


class _Page:
    """The sheet being filled from the top, row by row: a label, a number, a text."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.sheet = book.sheet(SHEET)
        self.row = 0
        for column, width in enumerate((_LABEL, _COUNT, _TEXT)):
            self.sheet.set_column(column, column, width)

    def gap(self) -> None:
        """Leave a row empty."""
        self.row += 1

    def section(self, *titles: str) -> None:
        """An empty row, then the titles of a section."""
        self.gap()
        self.sheet.set_row(self.row, 20)
        for column, title in enumerate((*titles, "", "")[:3]):
            style = "number_section" if column == 1 else "section"
            self.book.text(self.sheet, self.row, column, title, style)
        self.row += 1

    def across(self, text: str, style: str) -> None:
        """Wrapped text over the whole width; merged cells do not grow by themselves."""
        self.book.across(self.sheet, self.row, (0, 2), text, style)
        self.sheet.set_row(self.row, line_height(text, _LABEL + _COUNT + _TEXT))
        self.row += 1

    def labelled(self, label: str, text: str) -> None:
        """A label and wrapped text over the rest of the width."""
        self.book.text(self.sheet, self.row, 0, label, "bold")
        self.book.across(self.sheet, self.row, (1, 2), text)
        self.sheet.set_row(self.row, line_height(text, _COUNT + _TEXT))
        self.row += 1

    def counted(self, label: str, count: int, meaning: str) -> None:
        """A label, how many, and what that means."""
        self.book.text(self.sheet, self.row, 0, label)
        self.book.number(self.sheet, self.row, 1, count)
        self.book.text(self.sheet, self.row, 2, meaning)
        self.sheet.set_row(self.row, max(line_height(meaning, _TEXT), line_height(label, _LABEL)))
        self.row += 1


def write_summary(book: Book, feedback: Feedback) -> None:
    """Write the sheet ``Sammanfattning``."""
    page = _Page(book)
    _answer(page, feedback)
    _outcomes(page, feedback)
    _errors(page, feedback)
    page.section("Gör så här")
    for place, step in enumerate(next_steps(feedback), start=1):
        page.labelled(f"Steg {place}", step)
    page.section("Om leveransen")
    for label, value in delivery_facts(feedback):
        page.labelled(label, value)
    page.gap()
    page.across(book.stamp_line(), "soft")
    page.sheet.freeze_panes(1, 0)
    page.sheet.fit_to_pages(1, 1)


def _answer(page: _Page, feedback: Feedback) -> None:
    told = answer(feedback)
    style = told.word if told.word in page.book.styles else "other"
    page.book.text(page.sheet, 0, 0, "Kommer filen att användas?", "title")
    page.book.across(page.sheet, 0, (1, 2), told.word, style)
    page.sheet.set_row(0, 30)
    page.row = 1
    page.labelled(f"Leverans {feedback.delivery_no}", told.why)
    if is_synthetic(page.book.stamp):
        page.across(SYNTHETIC, "alarm")


def _outcomes(page: _Page, feedback: Feedback) -> None:
    page.section("Vad hände med raderna", "Antal", "Det betyder")
    if feedback.state is DeliveryState.LOADED:
        _rows_by_outcome(page, feedback)
    else:
        page.across("Inga rader är inlästa.", "text")
    if feedback.retracted:
        loaded = feedback.state is DeliveryState.LOADED
        label = "Uppgifter som tas bort" if loaded else "Uppgifter som skulle tas bort"
        meaning = "Lämnade tidigare, men finns inte i den här filen, som är hela innehållet för perioden."
        page.counted(label, feedback.retracted, meaning)


def _rows_by_outcome(page: _Page, feedback: Feedback) -> None:
    for outcome, (label, meaning) in OUTCOME.items():
        count = feedback.outcome_counts.get(outcome, 0)
        share = f" ({percent(count, feedback.rows)} av raderna)" if count else ""
        page.counted(label, count, meaning + share)
    for rule, count in sorted(feedback.set_aside_rules.items(), key=lambda told: (-told[1], told[0])):
        reason = why_set_aside(rule, feedback)
        page.counted(f"    varav {reason.name}", count, reason.meaning)
    page.counted("Summa rader i filen", feedback.rows, "Varje rad räknas en gång.")


def _errors(page: _Page, feedback: Feedback) -> None:
    page.section("De vanligaste felen", "Rader", "Vad som är fel, och så här gör ni")
    groups = error_groups(feedback.findings)
    for group in groups[:MOST_COMMON]:
        page.counted(f"{SEVERITY[group.example.severity]} · {group.example.rule}", group.count, _told(group))
    if not groups:
        page.across("Inga fel eller varningar.", "text")
    if left_out := len(groups) - min(len(groups), MOST_COMMON):
        page.across(more(left_out, "slags fynd finns på bladet Fel och varningar."), "soft")


def _told(group: ErrorGroup) -> str:
    remedy = group.example.remedy
    return group.example.message + (f"\nSå här gör ni: {remedy}" if remedy else "")
