"""Child ids: every spelling of a number is one identity, and nothing damaged is guessed at.

All numbers are synthetic: made from Skatteverket's test series (serials 980–999), or the vectors that
the authorities themselves print as examples.
"""

from __future__ import annotations

import pickle
from datetime import date, timedelta

import personnummer.personnummer as oracle
import pytest
import stdnum.luhn
import stdnum.se.personnummer as other_oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.domain.delivery import Cell
from tracker.pseudonymise.national_id import (
    IdKind,
    Invalid,
    LocalId,
    NationalId,
    Reason,
    contains_national_id,
    normalise,
    shape,
)

EXTRACTED = date(2026, 1, 15)
DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d\u00ad"
BLANKS = ["", " ", "\u00a0", "\u2009", "\ufeff", "\u200b"]


def with_check_digit(nine: str) -> str:
    """The oracle's check digit, not ours."""
    return nine + stdnum.luhn.calc_check_digit(nine)


def number(born: date, serial: int, *, coordination: bool = False) -> str:
    day = born.day + (60 if coordination else 0)
    return f"{born.year // 100}" + with_check_digit(f"{born:%y%m}{day:02d}{serial:03d}")


children = st.dates(date(2000, 1, 1), EXTRACTED)
serials = st.integers(980, 999)
numbers = st.builds(number, children, serials, coordination=st.booleans())


def spelled(draw: st.DrawFn) -> tuple[str, Cell]:
    """A number and one of the ways it is delivered."""
    digits = draw(numbers)
    long = draw(st.booleans())
    head, tail = digits[0 if long else 2 : 8], digits[8:]
    text = draw(st.sampled_from(BLANKS)) + head + draw(st.sampled_from(["", " ", *DASHES])) + tail
    text += draw(st.sampled_from(BLANKS))
    if draw(st.booleans()):
        text = text.translate({ord("0") + value: chr(0xFF10 + value) for value in range(10)})
    return digits, text


spellings = st.composite(spelled)()


def digits_of(cell: Cell, reference: date = EXTRACTED) -> str:
    identity = normalise(cell, reference)
    assert isinstance(identity, NationalId), identity
    return identity.digits


@given(spellings)
def test_every_spelling_is_one_identity(case: tuple[str, Cell]) -> None:
    digits, cell = case
    assert digits_of(cell) == digits


@given(numbers)
def test_normalising_again_changes_nothing(digits: str) -> None:
    assert digits_of(digits_of(digits)) == digits


@given(numbers, st.integers(0, 70 * 365))
def test_a_later_extract_reads_twelve_digits_alike(digits: str, days: int) -> None:
    assert digits_of(digits, EXTRACTED + timedelta(days)) == digits


@given(children, serials)
def test_the_libraries_agree_on_personal_numbers(born: date, serial: int) -> None:
    digits = number(born, serial)
    identity = normalise(digits, EXTRACTED)
    assert isinstance(identity, NationalId)
    assert (identity.kind, identity.birth_date) == (IdKind.PNR, born)
    assert other_oracle.is_valid(digits)
    assert oracle.parse(digits).format(True) == digits
    assert other_oracle.get_birth_date(digits) == identity.birth_date


@given(children, serials)
def test_one_library_knows_coordination_numbers(born: date, serial: int) -> None:
    digits = number(born, serial, coordination=True)
    identity = normalise(digits, EXTRACTED)
    assert isinstance(identity, NationalId)
    assert (identity.kind, identity.birth_date) == (IdKind.SAM, born)
    assert oracle.parse(digits).is_coordination_number()
    assert oracle.parse(digits).format(True) == digits


@given(numbers, st.integers(0, 11), st.integers(1, 9))
def test_one_wrong_digit_is_never_accepted_as_another_child(digits: str, place: int, change: int) -> None:
    wrong = digits[:place] + str((int(digits[place]) + change) % 10) + digits[place + 1 :]
    identity = normalise(wrong, EXTRACTED)
    if place > 1:  # the check digit covers the last ten
        assert isinstance(identity, Invalid)
    else:
        assert not isinstance(identity, NationalId) or identity.digits == wrong


@given(st.text(max_size=20), st.dates(date(2000, 1, 1), date(2040, 1, 1)))
@settings(max_examples=300)
def test_any_text_is_read_without_failing(text: str, reference: date) -> None:
    normalise(text, reference)
    contains_national_id(text, reference)


@given(st.one_of(st.floats(), st.integers(), st.booleans(), st.dates(), st.none()))
def test_any_cell_is_read_without_failing(cell: Cell) -> None:
    normalise(cell, EXTRACTED)


# The vectors of the two libraries' documentation and of Skatteverket, with what each must become.
@pytest.mark.parametrize(
    ("cell", "digits", "kind"),
    [
        ("880320-0016", "198803200016", IdKind.PNR),
        ("198803200016", "198803200016", IdKind.PNR),
        ("19880320-0016", "198803200016", IdKind.PNR),
        ("880320+0016", "188803200016", IdKind.PNR),
        ("701063-2391", "197010632391", IdKind.SAM),
        ("640883-3231", "196408833231", IdKind.SAM),
        ("1988-03-20-0016", "198803200016", IdKind.PNR),
        ("880320 0016", "198803200016", IdKind.PNR),
        ("880320–0016", "198803200016", IdKind.PNR),
        ("８８０３２０００１６", "198803200016", IdKind.PNR),
        ("٨٨٠٣٢٠٠٠١٦", "198803200016", IdKind.PNR),
        (8803200016, "198803200016", IdKind.PNR),
        (8803200016.0, "198803200016", IdKind.PNR),
        (198803200016.0, "198803200016", IdKind.PNR),
    ],
)
def test_numbers(cell: Cell, digits: str, kind: IdKind) -> None:
    identity = normalise(cell, EXTRACTED)
    assert isinstance(identity, NationalId)
    assert (identity.digits, identity.kind) == (digits, kind)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (880320001, Reason.LOST_ZERO),
        ("803200016", Reason.LOST_ZERO),
        (float(number(date(2000, 3, 20), 999)[2:]), Reason.LOST_ZERO),  # three zeros gone
        ("1.98803E+11", Reason.SCIENTIFIC),
        ("1,98803E+11", Reason.SCIENTIFIC),
        ("2e11", Reason.SCIENTIFIC),
        ("198803200016.0", Reason.DECIMALS),
        ("8803200016,0", Reason.DECIMALS),
        (198803200016.5, Reason.DECIMALS),
        (float("nan"), Reason.DECIMALS),
        (1e300, Reason.DECIMALS),
        (-8803200016, Reason.DECIMALS),
        (True, Reason.DECIMALS),
        ("'8803200016", Reason.APOSTROPHE),
        ("’198803200016", Reason.APOSTROPHE),
        (date(1988, 3, 20), Reason.READ_AS_DATE),
        ("19880320001", Reason.LENGTH),
        ("881320-0016", Reason.NO_SUCH_DATE),
        ("19880231-0016", Reason.NO_SUCH_DATE),
        ("881399-0016", Reason.NO_SUCH_DATE),
        ("17880320-0016", Reason.CENTURY),
        ("19880320+0016", Reason.CENTURY),
        ("20990101-0000", Reason.FUTURE),
        ("880320-0017", Reason.CHECK_DIGIT),
        (with_check_digit("880320000"), Reason.SERIAL),
        ("2015-03-31", Reason.INCOMPLETE),
        ("150331-", Reason.INCOMPLETE),
        ("20150331-XXXX", Reason.INCOMPLETE),
        ("150331****", Reason.INCOMPLETE),
        ("Barn 880320-0016", Reason.MIXED),
        ("880320-0016 (skyddad)", Reason.MIXED),
        ("880320/0016", Reason.MIXED),
        ("saknas", Reason.NO_DIGITS),
        ("?", Reason.NO_DIGITS),
    ],
)
def test_damage_is_named_and_never_repaired(cell: Cell, reason: Reason) -> None:
    identity = normalise(cell, EXTRACTED)
    assert isinstance(identity, Invalid)
    assert identity.reason is reason


@pytest.mark.parametrize("cell", [None, "", " ", "\u00a0\ufeff", "-", "–", " - "])
def test_blank_cells_name_nobody(cell: Cell) -> None:
    assert normalise(cell, EXTRACTED) is None


@pytest.mark.parametrize(
    ("cell", "canonical"),
    [(4711, "4711"), (4711.0, "4711"), ("4711", "4711"), ("b 12–7", "B12-7"), ("880320-T999", "880320-T999")],
)
def test_other_ids_are_local(cell: Cell, canonical: str) -> None:
    identity = normalise(cell, EXTRACTED)
    assert isinstance(identity, LocalId)
    assert identity.id == canonical


def test_local_ids_that_differ_by_a_dash_are_two() -> None:
    assert normalise("12-34", EXTRACTED) != normalise("1-234", EXTRACTED)


def test_a_9_digit_cell_is_quarantined_whatever_it_would_become() -> None:
    lost = number(date(2005, 6, 1), 981)[3:]  # 0506… without its zero
    for cell in (lost, int(lost), float(lost)):
        assert normalise(cell, EXTRACTED) == Invalid(Reason.LOST_ZERO, "9 siffror")


def test_the_century_follows_the_extract_and_not_today() -> None:
    short = number(date(2025, 6, 1), 980)[2:]
    assert digits_of(short, date(2025, 6, 1))[:4] == "2025"
    assert digits_of(short, date(2040, 1, 1))[:4] == "2025"
    assert digits_of(short, date(2025, 5, 31))[:4] == "1925"
    assert normalise("20" + short, date(2025, 5, 31)) == Invalid(Reason.FUTURE, "12 siffror")


def test_the_29_of_february_of_ten_digits_is_a_leap_year() -> None:
    short = number(date(2000, 2, 29), 980)[2:]
    assert digits_of(short)[:8] == "20000229"
    assert normalise(short, date(2000, 2, 28)) == Invalid(Reason.NO_SUCH_DATE, "10 siffror")  # 1900 had none


def test_plus_means_turning_a_hundred_this_year_or_earlier() -> None:
    short = number(date(1926, 12, 31), 980)[2:]
    with_plus = f"{short[:6]}+{short[6:]}"
    assert digits_of(with_plus, date(2026, 1, 1))[:4] == "1926"
    assert digits_of(with_plus, date(2025, 12, 31))[:4] == "1826"


@given(spellings)
def test_nothing_shows_the_number(case: tuple[str, Cell]) -> None:
    digits, cell = case
    identity = normalise(cell, EXTRACTED)
    shown = f"{identity} {identity!r} {[identity]}"
    assert not any(part in shown for part in (digits, digits[2:], digits[8:], digits[2:8]))
    assert pickle.loads(pickle.dumps(identity)) == identity


@given(numbers, st.integers(0, 9))
def test_broken_ones_show_a_shape_only(digits: str, change: int) -> None:
    wrong = digits[:-1] + str(change)
    shown = repr(normalise(wrong, EXTRACTED)) + repr(normalise(f"Kalle {wrong}", EXTRACTED))
    assert digits[2:8] not in shown
    assert "KALLE" not in shown.upper()


def test_shapes() -> None:
    assert shape("123456789") == "9 siffror"
    assert shape("A1-23") == "5 tecken, varav 3 siffror"


@given(spellings, st.text("abcåäö ,;()", max_size=10), st.text("abcåäö ,;()", max_size=10))
def test_numbers_are_found_in_texts(case: tuple[str, Cell], before: str, after: str) -> None:
    assert contains_national_id(f"{before}{case[1]}{after}", EXTRACTED)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ring 070-123 45 67",
        "Möte 2024-03-20 kl 14:30",
        "Dnr 2024/1234",
        "Beviljad 2023-01-01-2023-12-31",  # the first twelve digits have a true check digit
        "2023.01.01-2023.12.31",
        "Anmälan barn 0-12 år",
        "Bankgiro 5050-1055, plusgiro 4 12 34-5",
        "880320-0017",  # the check digit does not fit
        "12345678801980320001612",  # digits of something longer
    ],
)
def test_other_digits_are_left_alone(text: str) -> None:
    assert not contains_national_id(text, EXTRACTED)


def test_a_number_with_inner_dashes_is_found() -> None:
    assert contains_national_id("född 1988-03-20-0016 i Umeå", EXTRACTED)
    assert contains_national_id("880320 - 0016", EXTRACTED)
