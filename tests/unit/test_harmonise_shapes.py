"""Shapes say what a cell looks like, never what it holds; synthetic national ids are recognised."""

from datetime import date

import pytest

from tracker.harmonise.shapes import as_shown, holds_national_id, shape


def check_digit(nine):
    products = "".join(str(int(digit) * (2 - place % 2)) for place, digit in enumerate(nine))
    return str(-sum(map(int, products)) % 10)


def synthetic_id(date_part="150331", serial="981"):
    """Ten digits of the tax agency's test series (serials 980–999)."""
    return date_part + serial + check_digit(date_part + serial)


TEN = synthetic_id()
COORDINATION = synthetic_id("150391", "985")


@pytest.mark.parametrize(
    "text",
    [
        TEN,
        "20" + TEN,
        f"{TEN[:6]}-{TEN[6:]}",
        " ".join(TEN),
        "nr: " + ".".join("20" + TEN) + " hos mor",
        " - ".join(TEN),
        f"{TEN[:6]}+{TEN[6:]}",
        f"20{TEN[:6]}–{TEN[6:]}",
        f"20{TEN[:6]} {TEN[6:]}",
        f"20{TEN[:2]}-{TEN[2:4]}-{TEN[4:6]}-{TEN[6:]}",
        f"Se akt för {TEN[:6]}-{TEN[6:]}, ring.",
        f"pnr{TEN}",
        f"12 20{TEN}",
        COORDINATION,
        "".join(chr(0xFF10 + int(digit)) for digit in "20" + TEN),
    ],
)
def test_what_looks_like_a_national_id(text):
    assert holds_national_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ring skolan",
        TEN[:9],
        TEN[:9] + str((int(TEN[9]) + 1) % 10),
        synthetic_id("151331"),
        synthetic_id("150332"),
        synthetic_id("150392"),
        "99" + TEN + "99",
        "2023-03-01",
        "Beviljad 2023-01-01 - 2023-12-31",  # the first twelve digits have a true check digit
        "2023-01-01-2023-12-31",
        "2023.01.01-2023.12.31",
        "Anmälan 0-12 år, SoL 14:1",
        ", ".join(TEN + "7"),  # a list of codes
        ", ".join("21" + TEN),
    ],
)
def test_what_does_not(text):
    assert not holds_national_id(text)


@pytest.mark.parametrize(
    ("cell", "look"),
    [
        (None, "tom cell"),
        ("  ", "tom cell"),
        ("150331981", "9 siffror"),
        (150331981, "9 siffror"),
        (1.98803e11, "12 siffror"),
        (0.5, "ett decimaltal"),
        (True, "sant/falskt"),
        (date(2023, 1, 1), "ett datum"),
        ("03/04/2023", "99/99/9999"),
        ("1,98803E+11", "9,99999x+99"),
        ("Anna bor hos sin mormor i Gävle", "text, 31 tecken"),
    ],
)
def test_shapes(cell, look):
    assert shape(cell) == look


@pytest.mark.parametrize(
    ("cell", "text"),
    [(1.0, "1"), (1, "1"), (1.5, "1.5"), ("  Ja ", "  Ja "), (None, None), (date(2023, 1, 2), "2023-01-02")],
)
def test_cells_as_delivered_text(cell, text):
    assert as_shown(cell) == text
