"""Hostile and broken files: each is refused with a reason, and the one that asked lives on."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests import intake_corpus as corpus
from tracker.domain.errors import RejectedFile
from tracker.intake import reading_process, sandbox
from tracker.intake.extract import extract
from tracker.intake.raw import Hints, Limits
from tracker.intake.sandbox import ask, read_sheets

ATTACKS: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "far cell": ("FILE-013", corpus.far_cell, "x.xlsx"),
    "zip bomb": ("FILE-010", corpus.zip_bomb, "x.xlsx"),
    "lying size": ("FILE-009", corpus.lying_size, "x.xlsx"),
    "billion laughs": ("FILE-012", corpus.billion_laughs, "x.xlsx"),
    "macro": ("FILE-007", corpus.with_macro, "x.xlsx"),
    "macro in xls": ("FILE-007", corpus.macro_xls, "x.xls"),
    "external link": ("FILE-008", corpus.with_external_link, "x.xlsx"),
    "climbing name": ("FILE-011", corpus.climbing_name, "x.xlsx"),
    "climbing backslash": ("FILE-011", lambda: corpus.climbing_name("xl\\..\\..\\x"), "x.xlsx"),
    "absolute name": ("FILE-011", lambda: corpus.climbing_name("/etc/x"), "x.xlsx"),
    "encrypted zip": ("FILE-006", corpus.encrypted_zip, "x.xlsx"),
    "encrypted office": ("FILE-006", corpus.encrypted_office, "x.xlsx"),
    "empty": ("FILE-001", lambda: b"", "x.xlsx"),
    "truncated zip": ("FILE-009", lambda: corpus.delivery()[:-200], "x.xlsx"),
    "hole in zip": ("FILE-009", lambda: corpus.delivery()[:400] + corpus.delivery()[700:], "x.xlsx"),
    "truncated xls": ("FILE-009", lambda: corpus.xls([corpus.HEADERS])[:1500], "x.xls"),
    "csv named xls": ("FILE-004", corpus.text_delivery, "x.xls"),
    "csv named xlsx": ("FILE-004", corpus.text_delivery, "x.xlsx"),
    "html named xls": ("FILE-004", lambda: b"<html><table><tr><td>1", "x.xls"),
    "xml spreadsheet": ("FILE-004", lambda: b'<?xml version="1.0"?><Workbook xmlns="urn:x">', "x.xls"),
    "pdf": ("FILE-004", lambda: b"%PDF-1.7", "x.csv"),
    "word document": ("FILE-004", lambda: corpus.zipped({"word/document.xml": b"<x/>"}), "x.xlsx"),
    "binary workbook": ("FILE-004", lambda: corpus.zipped({"xl/workbook.bin": b"x"}), "x.xlsx"),
    "ending": ("FILE-003", corpus.delivery, "x.exe"),
    "no ending": ("FILE-003", corpus.delivery, "uttag"),
    "noise": ("FILE-004", lambda: bytes(range(256)) * 20, "x.xlsx"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_bad_file_is_refused_with_its_rule_and_a_remedy(name: str) -> None:
    rule, build, file_name = ATTACKS[name]
    with pytest.raises(RejectedFile) as refused:
        extract(file_name, build(), "0180")
    assert refused.value.rule == rule
    assert str(refused.value) and refused.value.remedy
    assert "{" not in str(refused.value) + refused.value.remedy


def test_the_file_after_a_bad_one_is_read() -> None:
    for name in ("far cell", "billion laughs", "noise"):
        _, build, file_name = ATTACKS[name]
        with pytest.raises(RejectedFile):
            extract(file_name, build(), "0180")
        assert len(extract("ok.xlsx", corpus.delivery(), "0180").row_numbers) == 5


def test_a_far_cell_past_the_check_kills_only_the_child() -> None:
    """The parser aborts on this workbook; the parent hears of it as a refused file."""
    with pytest.raises(RejectedFile) as refused:
        ask("parse_unchecked", corpus.far_cell(), "x.xlsx", Limits(), Hints())
    assert refused.value.rule == "FILE-014"
    assert len(extract("ok.xlsx", corpus.delivery(), "0180").row_numbers) == 5


def test_a_far_cell_hidden_from_the_scan_meets_the_memory_limit() -> None:
    with pytest.raises(RejectedFile) as refused:
        read_sheets(corpus.far_cell(quote=b"'"), "x.xlsx")
    assert refused.value.rule in {"FILE-013", "FILE-014"}


def test_far_cells_are_told_by_name() -> None:
    with pytest.raises(RejectedFile, match="XFD1048576"):
        read_sheets(corpus.far_cell(), "x.xlsx")


def test_empty_formatted_rows_at_the_bottom_are_harmless() -> None:
    far = b'<row r="1048576" hidden="1"><c r="XFD1048576" s="0"/></row></sheetData>'
    content = corpus.with_sheet(corpus.delivery(), lambda part: part.replace(b"</sheetData>", far))
    assert len(extract("x.xlsx", content, "0180").row_numbers) == 5


def test_an_endless_reading_ends_at_the_time_limit() -> None:
    content = b'a;"b\n' * 2_000_000  # every line an unclosed quote: the slowest text there is
    with pytest.raises(RejectedFile) as refused:
        read_sheets(content, "x.csv", replace(Limits(), cpu_seconds=1, wall_seconds=2))
    assert refused.value.rule == "FILE-014"


def test_a_greedy_reading_ends_at_the_memory_limit() -> None:
    limits = replace(Limits(), memory=200_000_000)
    content = corpus.text([["x" * 10] * 100] * 20_000)
    with pytest.raises(RejectedFile) as refused:
        read_sheets(content, "x.csv", limits)
    assert refused.value.rule == "FILE-014"


def test_memory_of_the_parent_stays_low_under_a_bomb() -> None:
    content = corpus.zip_bomb()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RejectedFile):
        read_sheets(content, "x.xlsx")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kilobytes


def test_a_too_large_file_is_not_even_handed_over() -> None:
    with pytest.raises(RejectedFile) as refused:
        read_sheets(b"x" * 2_000, "x.csv", replace(Limits(), file_size=1_000))
    assert refused.value.rule == "FILE-002"


def test_too_many_parts_and_too_much_content_are_refused() -> None:
    many = corpus.zipped({f"part{n}": b"x" for n in range(2_001)})
    large = corpus.with_parts(corpus.delivery(), lambda parts: parts.update({"big": os.urandom(2_000_000)}))
    for content, limits in ((many, Limits()), (large, replace(Limits(), inflated=1_000_000))):
        with pytest.raises(RejectedFile) as refused:
            read_sheets(content, "x.xlsx", limits)
        assert refused.value.rule == "FILE-010"


def test_a_part_named_differently_in_two_places_is_refused() -> None:
    content = corpus.delivery().replace(b"xl/styles.xml", b"xl/stYles.xml", 1)
    with pytest.raises(RejectedFile) as refused:
        read_sheets(content, "x.xlsx")
    assert refused.value.rule == "FILE-009"


def test_refusals_hold_nothing_of_a_row() -> None:
    secret = "20150331-9814"
    rows = [[secret, "Anna hemma", "x"]] * 3
    for content, name in ((corpus.xlsx(rows), "x.xlsx"), (corpus.text(rows), "x.csv")):
        with pytest.raises(RejectedFile) as refused:
            extract(name, content, "0180", None)
        assert secret not in str(refused.value) and "9814" not in repr(refused.value)


def _rows_read(name: str) -> int:
    return len(extract(name, corpus.delivery(7), "0180").row_numbers)


@pytest.mark.parametrize("start", ["spawn", "fork", "forkserver"])
def test_worker_processes_read_too(start: str) -> None:
    read_sheets(corpus.delivery(), "x.xlsx")  # the parent's own server exists before the workers do
    with ProcessPoolExecutor(2, mp_context=get_context(start)) as pool:
        assert list(pool.map(_rows_read, ["a.xlsx"] * 6)) == [7] * 6


def test_a_reading_process_that_was_killed_is_started_again() -> None:
    read_sheets(corpus.delivery(), "x.xlsx")
    process = sandbox._server().process
    process.kill()
    process.wait()
    tables, _ = read_sheets(corpus.delivery(), "x.xlsx")
    assert len(tables[0].row_numbers) == 6


def _waiting_children() -> list[int]:
    pid = sandbox._server().process.pid
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


def _until(held: Callable[[], bool]) -> None:
    for _ in range(100):
        if held():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come about")


def _read(sender: str, limits: Limits | None = None) -> int:
    tables, _ = read_sheets(corpus.delivery(), "x.xlsx", limits, sender=sender)
    return len(tables[0].row_numbers)


def test_one_process_reads_the_files_of_one_sender_and_of_no_other() -> None:
    sandbox.stop()
    assert _read("0180") == 6
    (first,) = _waiting_children()
    assert _read("0180") == 6
    assert _waiting_children() == [first]
    assert _read("1480") == 6
    _until(lambda: len(_waiting_children()) == 1)
    assert _waiting_children() != [first]


def test_a_file_whose_sender_is_not_named_has_a_process_of_its_own() -> None:
    sandbox.stop()
    _read("")
    _until(lambda: not _waiting_children())


def test_other_limits_are_another_process() -> None:
    sandbox.stop()
    _read("0180")
    (first,) = _waiting_children()
    _read("0180", replace(Limits(), cpu_seconds=7))
    _until(lambda: len(_waiting_children()) == 1)
    (second,) = _waiting_children()
    assert second != first
    assert resource.prlimit(second, resource.RLIMIT_CPU)[0] == 7


def test_a_waiting_process_that_was_killed_is_missed_by_nobody() -> None:
    sandbox.stop()
    _read("0180")
    (first,) = _waiting_children()
    os.kill(first, signal.SIGKILL)
    assert _read("0180") == 6
    assert first not in _waiting_children()


def test_a_process_that_breaks_off_leaves_the_senders_next_file_unharmed() -> None:
    sandbox.stop()
    limits = replace(Limits(), memory=200_000_000)
    assert _read("0180", limits) == 6
    with pytest.raises(RejectedFile) as refused:
        read_sheets(corpus.text([["x" * 10] * 100] * 20_000), "x.csv", limits, sender="0180")
    assert refused.value.rule == "FILE-014"
    assert _read("0180", limits) == 6


def test_a_process_ends_after_some_files_and_another_goes_on() -> None:
    sandbox.stop()
    _read("0180")
    (first,) = _waiting_children()
    for _ in range(reading_process.MOST_FILES):
        assert _read("0180") == 6
    assert first not in _waiting_children()
