"""Reading delivered wordings: known, several in one cell, unknown, and overlaid by decisions."""

from datetime import date

import pytest

from tracker.domain.codes import MappingDecision
from tracker.domain.errors import NotFound
from tracker.harmonise.codebook import Codebooks, Reading, standing_decisions

CODEBOOKS = Codebooks.load()
REASON = "referral_reason"


def codes(codebook, raw, **scope):
    return CODEBOOKS.read(codebook, raw, **scope).codes


@pytest.mark.parametrize("raw", ["f", "F", "flicka", "Kvinna", " FLICKA ", "girl"])
def test_girls_as_the_study_met_them(raw):
    assert codes("sex", raw) == ("girl",)


@pytest.mark.parametrize("raw", ["p", "P", "pojke", "Man"])
def test_boys_as_the_study_met_them(raw):
    assert codes("sex", raw) == ("boy",)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("anmälan", "report"),
        ("Anmälan barn 0-12 år", "report"),
        ("Anmälan 0-17", "report"),
        ("B anmälan ", "report"),
        ("Ansökan", "application"),
        ("ansökan", "application"),
        ("B/U Ansökan", "application"),
        ("Egen iakttagelse", "other_information"),
    ],
)
def test_referral_types_as_the_study_met_them(raw, code):
    assert codes("referral_type", raw) == (code,)


def test_sixty_spellings_of_two_types_need_no_spelling_of_their_own():
    prefixes = [
        "",
        "B ",
        "B/U ",
        "B&U ",
        "BoU ",
        "BoU - ",
        "Barn/ungdom ",
        "BoF ",
        "1. ",
        "barn och ungdom: ",
    ]
    ranges = ["", " 0-12 år", " barn 0-17 år", " (0-12)", " 13-20 år", " ungdom 13-17"]
    spelled = {f"{p}{word}{r}" for p in prefixes for r in ranges for word in ("Anmälan", "ansökan")}
    assert len(spelled) == 120
    for raw in spelled:
        assert codes("referral_type", raw) == (("report",) if "Anmälan" in raw else ("application",)), raw


@pytest.mark.parametrize(
    "raw",
    [
        "Missbruk barn o ungdom",
        "missbruk barn/ungdom",
        "Missbruk barn/ungdom",
        "Missbruk barnet",
        "Missbruk BoU – Barnet/den unge",
        "Missbruk eget",
    ],
)
def test_six_spellings_of_one_thing(raw):
    assert CODEBOOKS.read(REASON, raw) == Reading(("B_SKADBRUK",))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Konflikt - vårdnad", ("F_KONFLIKT",)),
        ("Psykiskt/fysiskt våld", ("V_FYS", "V_PSYK")),
        ("Skolproblem, Kriminalitet", ("B_SKOLA", "B_KRIM")),
        ("Skolproblem;Kriminalitet", ("B_SKOLA", "B_KRIM")),
        ("B/U Skolproblem – Kriminalitet", ("B_SKOLA", "B_KRIM")),
        ("Missbruk - Barnet/den unge - Kriminalitet", ("B_SKADBRUK", "B_KRIM")),
        ("Konflikt - vårdnad, Skolfrånvaro", ("F_KONFLIKT", "B_SKOLA")),
        ("Skola\nPsykisk ohälsa – barnet (inkl. självskada, suicidrisk)", ("B_SKOLA", "B_PSYK")),
        ("konflikter om vårdnad, boende, umgänge; skola", ("F_KONFLIKT", "B_SKOLA")),
        ("Skola, skola, SKOLA", ("B_SKOLA",)),
    ],
)
def test_several_reasons_in_one_cell(raw, expected):
    assert CODEBOOKS.read(REASON, raw) == Reading(expected)


def test_known_parts_are_read_and_unknown_parts_named():
    assert CODEBOOKS.read(REASON, "Skola; Blåklint") == Reading(("B_SKOLA",), ("blåklint",))


def test_a_dash_separates_only_when_every_part_is_known():
    assert CODEBOOKS.read(REASON, "Våld - styvpappa") == Reading((), ("våld - styvpappa",))


def test_a_single_valued_list_is_never_split():
    assert CODEBOOKS.read("sex", "Flicka, Pojke") == Reading((), ("flicka, pojke",))


@pytest.mark.parametrize(
    ("codebook", "raw"),
    [
        ("referral_action", "annan åtgärd"),
        ("referral_action", "Övrigt"),
        (REASON, "Missbruk"),
        (REASON, "psykisk ohälsa"),
        ("need", "Stöd eller skydd"),
        ("sex", "1"),
    ],
)
def test_what_cannot_be_read_is_not_guessed(codebook, raw):
    reading = CODEBOOKS.read(codebook, raw)
    assert reading.codes == ()
    assert len(reading.unmapped) == 1


def test_attached_to_a_running_matter_is_a_class_of_its_own():
    assert codes("referral_action", "Påförd pågående ärende") == ("C2",)
    assert codes("referral_action", "Påförs pågående utredning") == ("C1",)
    assert codes("referral_action", "Insatser pågår") == ("C3",)


@pytest.mark.parametrize("raw", ["", "  ", "-", "?", "Uppgift saknas", "okänd", "NULL", "(tomt)"])
def test_a_cell_that_says_nothing_gives_nothing(raw):
    assert CODEBOOKS.read(REASON, raw) == Reading()


def test_every_code_and_label_reads_as_itself():
    for name, entries in CODEBOOKS.lists.items():
        for code in entries.values():
            on = code.valid_from
            assert codes(name, code.code, on=on) == (code.code,)
            assert codes(name, code.label_sv, on=on) == (code.code,)


def test_support_without_assessment_exists_from_the_new_act():
    raw = "SoL utan behovsprövning"
    assert codes("legal_basis", raw, on=date(2025, 7, 1)) == ("sol_no_assessment",)
    assert CODEBOOKS.read("legal_basis", raw, on=date(2025, 6, 30)).unmapped == ("sol utan behovsprövning",)
    assert codes("legal_basis", raw) == ("sol_no_assessment",)


def test_an_unknown_codebook_or_column_is_named():
    with pytest.raises(NotFound, match="no codebook 'kön'"):
        CODEBOOKS.read("kön", "flicka")
    with pytest.raises(NotFound, match="flow_class"):
        CODEBOOKS.extra("sex", "girl", "flow_class")


def decision(number, codes_, spelling="blåklint", **more):
    return MappingDecision(number, REASON, spelling, codes_, **more)


def read_with(decisions, raw="Blåklint", **scope):
    return Codebooks.load(decisions).read(REASON, raw, **scope)


def test_a_decision_maps_an_unknown_wording_also_inside_a_cell():
    books = Codebooks.load([decision(1, ("B_NORM",))])
    assert books.read(REASON, "B/U Blåklint") == Reading(("B_NORM",))
    assert books.read(REASON, "Skola, Blåklint") == Reading(("B_SKOLA", "B_NORM"))


def test_a_decision_goes_before_the_package():
    assert read_with([decision(1, ("V_SEX",), spelling="misshandel")], "Misshandel").codes == ("V_SEX",)


def test_municipality_goes_before_system_before_all_whatever_the_number():
    decisions = [
        decision(1, ("B_NORM",), municipality="0180"),
        decision(2, ("B_KRIM",), system="Treva"),
        decision(3, ("B_PSYK",)),
    ]
    assert read_with(decisions, municipality="0180", system="Treva").codes == ("B_NORM",)
    assert read_with(decisions, municipality="1480", system="Treva").codes == ("B_KRIM",)
    assert read_with(decisions, municipality="1480", system="Procura").codes == ("B_PSYK",)


def test_the_later_decision_of_one_scope_holds():
    assert read_with([decision(2, ("B_KRIM",)), decision(1, ("B_NORM",))]).codes == ("B_KRIM",)


def test_an_undo_brings_back_what_held_before_and_can_itself_be_undone():
    first, second = decision(1, ("B_NORM",)), decision(2, ("B_KRIM",))
    undo = decision(3, (), undoes=2)
    assert read_with([first, second, undo]).codes == ("B_NORM",)
    again = decision(4, (), undoes=3)
    assert read_with([first, second, undo, again]).codes == ("B_KRIM",)
    assert standing_decisions([first, second, undo, again]) == [first, second]


def test_a_decision_holds_within_its_validity():
    decisions = [decision(1, ("B_NORM",), valid_from=date(2024, 1, 1), valid_to=date(2024, 12, 31))]
    days = [date(2023, 12, 31), date(2024, 1, 1), date(2024, 12, 31), date(2025, 1, 1), None]
    assert [bool(read_with(decisions, on=day).codes) for day in days] == [False, True, True, False, True]


def test_the_cache_never_mixes_scopes_or_days():
    decisions = [
        decision(1, ("B_NORM",), municipality="0180", valid_from=date(2024, 1, 1)),
        decision(2, ("B_KRIM",), system="Treva"),
    ]
    warm = Codebooks.load(decisions)
    questions = [
        (municipality, system, on)
        for municipality in ("0180", "1480", "")
        for system in ("Treva", "")
        for on in (None, date(2023, 12, 31), date(2024, 1, 1))
    ]
    for _ in range(2):
        for question in questions:
            cold = Codebooks.load(decisions).read(REASON, "Blåklint", *question)
            assert warm.read(REASON, "Blåklint", *question) == cold, question


def test_the_version_names_package_and_highest_decision():
    package, number = CODEBOOKS.version.split("+")
    assert len(package) == 12
    assert number == "0"
    assert Codebooks.load([decision(7, ("B_NORM",))]).version == f"{package}+7"


def test_a_decision_for_a_code_that_does_not_exist_is_refused():
    with pytest.raises(NotFound, match="decision 1: 'referral_reason' has no code 'B_NROM'"):
        Codebooks.load([decision(1, ("B_NROM",))])
