"""Properties of spelling normalisation, for any text and for text made of what municipalities write."""

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tracker.harmonise.code_lists import package_code_lists
from tracker.harmonise.codebook import Codebooks, Reading
from tracker.harmonise.normalise import dash_parts, normalise, split

CODEBOOKS = Codebooks.load()
REASONS = {s: c for s, c in package_code_lists().spellings["referral_reason"].items() if c}
DEPARTMENTS = ["b/u", "B&U", "BoU", "barn", "och", "o", "b", "ifo", "barn/ungdom", "&"]
SIGNS = [
    "-",
    "–",
    " - ",
    "/",
    ".",
    ",",
    ";",
    ":",
    "(",
    ")",
    "§",
    "§§",
    "'",
    "”",
    "_",
    "*",
    " ",
    "\u00a0",
    "\u200b",
]
WORDS = [
    "0-12 år",
    "0-17",
    "12",
    "0",
    "år",
    "till",
    "under",
    "1.",
    "anm.",
    "m.m.",
    "t.o.m.",
    "vh",
    "missbruk",
]
PIECES = st.sampled_from([*DEPARTMENTS, *SIGNS, *WORDS])
WRITTEN = st.one_of(st.text(max_size=30), st.lists(PIECES, max_size=12).map("".join))
KNOWN = st.sampled_from(sorted(REASONS))
SENTENCE_GOES_ON = {
    "far",
    "mellan",
    "utan",
    "utsatt",
    "vars",
}  # "Barn och ungdom utsatt för våld" is no prefix


@given(WRITTEN)
def test_normalising_twice_changes_nothing(raw):
    assert normalise(normalise(raw)) == normalise(raw)


@given(WRITTEN)
def test_parts_are_normalised_and_never_empty(raw):
    for part in split(raw):
        assert part
        assert normalise(part) == part


@given(
    WRITTEN,
    st.sampled_from(["", " ", "\u00a0", "\t", "\u200b"]),
    st.sampled_from(["", ".", " ", ";", ",\u2003"]),
)
def test_space_around_and_punctuation_after_mean_nothing(raw, before, after):
    assert normalise(before + raw + after) == normalise(raw)


@given(KNOWN, st.sampled_from(["B/U ", "b&u ", "BoU - ", "Barn/ungdom ", "Barn och ungdom: ", "BoF ", "B "]))
def test_a_department_before_a_known_wording_does_not_hide_it(spelling, prefix):
    assume(spelling.split()[0] not in SENTENCE_GOES_ON)
    assert CODEBOOKS.read("referral_reason", prefix + spelling).codes == REASONS[spelling]


@given(KNOWN, st.sampled_from([str.upper, str.title, str.capitalize, lambda s: s.replace(" ", "  ")]))
def test_case_and_spacing_do_not_hide_a_known_wording(spelling, change):
    assert CODEBOOKS.read("referral_reason", change(spelling)).codes == REASONS[spelling]


@given(st.lists(KNOWN, min_size=2, max_size=4, unique=True), st.sampled_from(["; ", ";", "\n", " | "]))
def test_known_wordings_in_one_cell_give_their_codes_in_order(spellings, separator):
    assume(not any(", " in spelling for spelling in spellings))
    assume(not any(", ".join(pair) in REASONS for pair in pairwise(spellings)))
    expected = tuple(dict.fromkeys(code for spelling in spellings for code in REASONS[spelling]))
    assert CODEBOOKS.read("referral_reason", separator.join(spellings)) == Reading(expected)


@given(WRITTEN)
def test_reading_never_fails_and_accounts_for_every_cell(raw):
    for codebook in ("referral_reason", "referral_action", "sex"):
        reading = CODEBOOKS.read(codebook, raw)
        assert isinstance(reading, Reading)
        assert set(reading.codes) <= CODEBOOKS.lists[codebook].keys()
        assert reading.codes or reading.unmapped or _says_nothing(raw)


def _says_nothing(raw):
    not_given = {spelling for spelling, codes in package_code_lists().spellings["sex"].items() if not codes}
    return all(piece in not_given for part in split(raw) for piece in dash_parts(part))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Anmälan barn 0–12 år", "anmälan"),
        ("B&U – Missbruk", "missbruk"),
        ("Barn och ungdom som far illa", "barn/ungdom som far illa"),
        ("Missbruk (barnet)", "missbruk barnet"),
        ("LVU §§ 2-3", "lvu 2-3 §"),
        ("Relations- och familjeproblem", "relations- och familjeproblem"),
        ("Relations-  och   familjeproblem", "relations- och familjeproblem"),
        ("0-2 år", "0-2 år"),
        ("1-2 samtal", "1-2 samtal"),
        (">100000", ">100000"),
        ("B/U", "barn/ungdom"),
        ("Psykiskt / fysiskt våld", "psykiskt/fysiskt våld"),
    ],
)
def test_examples(raw, expected):
    assert normalise(raw) == expected
