"""The sender's feedback on one delivery: an Excel workbook in plain Swedish.

It says whether the file will be used, what became of its rows, what was wrong and what to do, how the
codes were read, and shows the municipality's own flow beside the group's.
"""

from __future__ import annotations

from pathlib import Path

from tracker.publish.discretion import without_ids
from tracker.publish.feedback_book import Book
from tracker.publish.feedback_content import CodeReading, Feedback
from tracker.publish.feedback_flow import write_flow
from tracker.publish.feedback_summary import write_summary
from tracker.publish.feedback_tables import write_findings, write_readings
from tracker.publish.files import replacing
from tracker.publish.spreadsheet import workbook_at
from tracker.publish.stamp import checked, stamped_time

__all__ = ["CodeReading", "Feedback", "write_feedback"]


def write_feedback(path: Path, feedback: Feedback) -> Path:
    """Write the workbook to ``path``, whole or not at all; return ``path``.

    Equal feedback gives equal bytes. Every text is a text cell and goes through the last check for
    national ids; group figures below the limits are left out. Raises ``ValueError`` for an incomplete stamp.
    """
    checked(feedback.stamp)
    with replacing(path) as partial, workbook_at(partial) as workbook:
        book = Book(workbook, feedback.stamp)
        title = f"Återkoppling på leverans {feedback.delivery_no}, {feedback.municipality_name}"
        workbook.set_properties(
            {
                "title": without_ids(title),
                "comments": book.stamp_line(),
                "created": stamped_time(feedback.stamp),
            }
        )
        write_summary(book, feedback)
        write_findings(book, feedback)
        write_readings(book, feedback)
        write_flow(book, feedback)
    return path
