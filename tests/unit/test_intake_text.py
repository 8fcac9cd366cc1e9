"""Text files: encodings, delimiters, and lines that cannot be cut into cells."""

from __future__ import annotations

import pytest

from tests import intake_corpus as corpus
from tracker.domain.delivery import Extract
from tracker.domain.errors import RejectedFile
from tracker.domain.findings import Finding, Severity
from tracker.intake.extract import extract
from tracker.intake.sidecar import Sidecar

HEADER = "Personnummer;Inkom datum;Kön;Aktualiseringstyp;Aktualiseringsorsak\n"


def _read(body: str | bytes, encoding: str = "utf-8", name: str = "uttag_2023.csv") -> Extract:
    content = body if isinstance(body, bytes) else (HEADER + body).encode(encoding)
    return extract(name, content, "0180")


def _found(delivered: Extract, rule: str) -> Finding:
    (found,) = [finding for finding in delivered.findings if finding.rule == rule]
    return found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_encoding_and_delimiter_gives_the_same_cells(encoding: str, delimiter: str, end: str) -> None:
    delivered = _read(corpus.text_delivery(6, encoding=encoding, delimiter=delimiter, end=end))
    rows = corpus.referral_rows(6)
    assert list(delivered.columns["sex"].cells) == [row[2] for row in rows]
    assert list(delivered.columns["referral_type"].cells) == [row[4] for row in rows]
    assert list(delivered.columns["action"].cells) == [row[6] for row in rows]
    assert list(delivered.row_numbers) == [2, 3, 4, 5, 6, 7]
    assert delivered.columns["sex"].header == "Kön" and delivered.columns["sex"].letter == "C"


def test_cells_of_text_stay_as_delivered() -> None:
    delivered = _read(" 20150331-9814 ;20230301;F;Anmälan ;  \n;2023-03-02;P;Ansökan;x\n")
    assert delivered.columns["child"].cells == [" 20150331-9814 ", None]
    assert delivered.columns["received_on"].cells == ["20230301", "2023-03-02"]
    assert delivered.columns["reasons"].cells == [None, "x"]


def test_a_nul_byte_sets_its_line_aside_and_names_it() -> None:
    delivered = _read("1;2023-01-01;F;Anmälan;a\n2;2023-01-02;F;Anm\0älan;a\n3;2023-01-03;F;Anmälan;a\n")
    assert dict(delivered.set_aside) == {1: "FILE-025"}
    found = _found(delivered, "FILE-025")
    assert (found.row, found.severity) == (3, Severity.ERROR)
    assert delivered.columns["child"].cells[0] == "1" and delivered.columns["child"].cells[2] == "3"


def test_an_unclosed_quote_costs_its_own_line_only() -> None:
    delivered = _read(
        '1;2023-01-01;F;Anmälan;"våld; hot"\n2;2023-01-02;F;Anmälan;"oro\n'
        + "".join(f"{n};2023-01-03;F;Anmälan;x\n" for n in range(3, 60))
    )
    assert dict(delivered.set_aside) == {1: "FILE-026"}
    assert _found(delivered, "FILE-026").row == 3
    assert delivered.columns["reasons"].cells[0] == "våld; hot"
    assert len(delivered.row_numbers) == 59 and delivered.row_numbers[-1] == 60


def test_a_quoted_line_break_keeps_the_line_numbers_right() -> None:
    delivered = _read('1;2023-01-01;F;Anmälan;"a\nb"\n2;2023-01-02;F;Anmälan;c\n')
    assert list(delivered.row_numbers) == [2, 4]
    assert delivered.columns["reasons"].cells == ["a\nb", "c"]


def test_quoted_line_breaks_survive_beside_an_unclosed_quote() -> None:
    delivered = _read('1;2023-01-01;F;Anmälan;"a\nb"\n2;2023-01-02;F;Anmälan;"c\n3;2023-01-02;F;Anmälan;d\n')
    assert list(delivered.row_numbers) == [2, 4, 5]
    assert dict(delivered.set_aside) == {1: "FILE-026"}


def test_too_many_cells_set_the_row_aside_but_empty_ones_do_not() -> None:
    delivered = _read("1;2023-01-01;F;Anmälan;a;b\n2;2023-01-02;F;Anmälan;a;;\n3;2023-01-03;F;Anmälan;a\n")
    assert dict(delivered.set_aside) == {0: "FILE-028"}
    found = _found(delivered, "FILE-028")
    assert (found.row, found.expected) == (2, "5")


def test_too_few_cells_are_read_as_empty_and_said() -> None:
    delivered = _read("1;2023-01-01;F;Anmälan;a\n2;2023-01-02;F;Anmälan\n3;2023-01-03;F;Anmälan;a\n")
    assert delivered.columns["reasons"].cells == ["a", None, "a"]
    assert (_found(delivered, "FILE-029").row, delivered.set_aside) == (3, {})


def test_an_over_long_line_is_set_aside() -> None:
    delivered = _read(f"1;2023-01-01;F;Anmälan;{'x' * 200_000}\n2;2023-01-02;F;Anmälan;a\n")
    assert dict(delivered.set_aside) == {0: "FILE-027"}
    assert _found(delivered, "FILE-027").row == 2


def test_excels_separator_line_is_obeyed() -> None:
    content = ("sep=,\n" + HEADER.replace(";", ",") + "1,2023-01-01,F,Anmälan,a;b\n").encode()
    delivered = _read(content)
    assert delivered.columns["reasons"].cells == ["a;b"]
    assert list(delivered.row_numbers) == [3]


def test_several_reasons_in_a_cell_do_not_mislead_the_delimiter() -> None:
    body = "".join(f"{n},2023-01-{n:02d},F,Anmälan,våld; hot; oro\n" for n in range(1, 9))
    delivered = _read((HEADER.replace(";", ",") + body).encode())
    assert set(delivered.columns["reasons"].cells) == {"våld; hot; oro"}


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ((HEADER + "1;2023-01-01;F;Anmälan;a\n").encode("utf-16-le"), "FILE-020"),
        ((HEADER + "1;2023-01-01;F;Anmälan;åtgärd på\n").encode("cp850"), "FILE-020"),
        ((HEADER + "1;2023-01-01;F;Anmälan;hjälpbehövande\n").encode("mac_roman"), "FILE-020"),
        (HEADER.encode() + b"1;2023-01-01;F;Anm\x81lan;a\n", "FILE-020"),
        ((HEADER + "1;2023-01-01;F;Anmälan;a\n").encode().decode("cp1252").encode(), "FILE-022"),
        (b"\n\n\n", "FILE-017"),
        (HEADER.encode(), "FILE-017"),
        (b"just a line of words\nand another\n", "FILE-030"),
    ],
)
def test_unreadable_text_is_refused(content: bytes, rule: str) -> None:
    with pytest.raises(RejectedFile) as refused:
        extract("uttag.csv", content, "0180")
    assert refused.value.rule == rule


def test_a_few_doubly_encoded_or_lost_characters_are_a_warning() -> None:
    lines = [f"{n};2023-01-01;F;Anmälan;a\n" for n in range(400)]
    lines[200] = "200;2023-01-01;F;AnmÃ¤lan;a\n"
    lines[300] = "300;2023-01-01;F;Anm\ufffdlan;a\n"
    delivered = _read("".join(lines))
    assert (_found(delivered, "FILE-023").row, _found(delivered, "FILE-024").row) == (202, 302)


def test_the_systems_usual_encoding_is_used_when_it_is_not_utf8() -> None:
    sidecar = Sidecar(system="procura")
    delivered = extract("uttag.csv", corpus.text_delivery(encoding="cp1252"), "0180", sidecar)
    assert delivered.note.system == "Procura" and delivered.note.stable_ids
    assert delivered.columns["sex"].header == "Kön"


def test_a_txt_file_is_text_too() -> None:
    assert len(_read(corpus.text_delivery(4, delimiter="\t"), name="uttag.txt").row_numbers) == 4
