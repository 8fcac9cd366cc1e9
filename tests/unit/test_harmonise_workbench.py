"""The steward's workbench: the queue, suggestions, and decisions that are made and undone."""

from datetime import date

import pytest

from tracker.domain.errors import NotFound, UsageError
from tracker.harmonise.codebook import Codebooks
from tracker.harmonise.spellings import DeliveredSpelling
from tracker.harmonise.suggest import suggest
from tracker.harmonise.workbench import MemoryDecisionStore, Proposal, accept, decision_for, queue, undo

TODAY = date(2025, 9, 1)
CODEBOOKS = Codebooks.load()


def delivered(raw, count, municipality="0180", codebook="referral_reason"):
    return DeliveredSpelling(codebook, municipality, "Treva", raw, count)


def test_the_queue_is_by_frequency_and_counts_alike_wordings_together():
    entries = queue(
        [
            delivered("Skola", 900),
            delivered("BoU Missbruk styvfar", 3),
            delivered("missbruk STYVFAR", 4, "1480"),
            delivered("Skola; Missbruk styvfar", 2, "1480"),
            delivered("Annan åtgärd", 50, codebook="referral_action"),
        ],
        CODEBOOKS,
    )
    assert [(e.codebook, e.spelling, e.count) for e in entries] == [
        ("referral_action", "annan åtgärd", 50),
        ("referral_reason", "missbruk styvfar", 9),
    ]
    assert entries[1].municipalities == ("0180", "1480")
    assert entries[1].examples == ("missbruk STYVFAR", "BoU Missbruk styvfar", "Skola; Missbruk styvfar")
    assert entries[1].suggestions[0].codes == ("O_SKADBRUK",)


def test_a_mapped_wording_leaves_the_queue_only_where_it_is_mapped():
    store = MemoryDecisionStore()
    wish = Proposal("referral_reason", "Blåklint", ("B_NORM",), municipality="0180")
    accept(wish, store, "steward", TODAY)
    codebooks = Codebooks.load(store.decisions())
    (entry,) = queue([delivered("blåklint", 5), delivered("blåklint", 7, "1480")], codebooks)
    assert (entry.count, entry.municipalities) == (7, ("1480",))


@pytest.mark.parametrize(
    ("codebook", "wording", "codes"),
    [
        ("sex", "Flika", ("girl",)),
        ("referral_type", "Anmälan frn skolan", ("report",)),
        ("referral_reason", "Skolfrånv.", ("B_SKOLA",)),
        ("referral_reason", "vård mot barnet fysisk", ("V_FYS",)),
        ("intervention_type", "Kontakt familj helg", ("contact_family",)),
    ],
)
def test_the_nearest_known_wording_is_suggested_first(codebook, wording, codes):
    first = suggest(CODEBOOKS, codebook, wording)[0]
    assert first.codes == codes
    assert 50 <= first.score <= 100
    assert first.because.startswith("liknar ”")


def test_suggestions_are_few_distinct_and_falling():
    found = suggest(CODEBOOKS, "referral_reason", "missbruk", limit=3)
    assert len({s.codes for s in found}) == len(found) <= 3
    assert [s.score for s in found] == sorted((s.score for s in found), reverse=True)


def test_nothing_alike_gives_no_suggestion():
    assert suggest(CODEBOOKS, "sex", "qqqqqqqqqqqq") == []


def test_suggestions_learn_from_general_decisions():
    store = MemoryDecisionStore()
    accept(Proposal("referral_reason", "kvarterspolisen orolig", ("B_KRIM",)), store, "steward", TODAY)
    codebooks = Codebooks.load(store.decisions())
    assert suggest(codebooks, "referral_reason", "kvarterspolis orolig")[0].codes == ("B_KRIM",)


def test_accept_keeps_a_dated_numbered_decision_for_the_normalised_wording():
    store = MemoryDecisionStore()
    first = accept(Proposal("referral_reason", "B/U  Blåklint", ("B_NORM",)), store, "steward", TODAY)
    second = accept(
        Proposal("referral_action", "Annan åtgärd", ("C4",), municipality="0180"), store, "s", TODAY
    )
    assert (first.number, first.spelling, first.decided_by, first.decided_on) == (
        1,
        "blåklint",
        "steward",
        TODAY,
    )
    assert second.number == 2
    codebooks = Codebooks.load(store.decisions())
    assert codebooks.read("referral_reason", "blåklint").codes == ("B_NORM",)
    assert codebooks.read("referral_action", "Annan åtgärd", "0180").codes == ("C4",)
    assert codebooks.read("referral_action", "Annan åtgärd", "1480").codes == ()


def test_a_preview_keeps_nothing():
    store = MemoryDecisionStore()
    preview = decision_for(Proposal("referral_reason", "blåklint", ("B_NORM",)), store, "steward", TODAY)
    assert preview.number == 1
    assert store.decisions() == ()


@pytest.mark.parametrize(
    ("proposal", "error", "message"),
    [
        (Proposal("kön", "flicka", ("girl",)), NotFound, "no codebook 'kön'"),
        (Proposal("sex", "flicka", ("gril",)), NotFound, "sex has no code gril; known are girl, boy"),
        (Proposal("sex", " - ", ("girl",)), UsageError, "spelling is empty"),
        (Proposal("sex", "flicka", ()), UsageError, "no code is given"),
        (Proposal("sex", "flicka", ("girl", "boy")), UsageError, "one code only"),
        (
            Proposal("sex", "x", ("girl",), valid_from=date(2024, 2, 1), valid_to=date(2024, 1, 1)),
            UsageError,
            "before it starts",
        ),
        (
            Proposal("legal_basis", "x", ("sol_no_assessment",), valid_to=date(2025, 6, 30)),
            UsageError,
            "sol_no_assessment is not valid",
        ),
    ],
)
def test_proposals_that_cannot_be_decided(proposal, error, message):
    store = MemoryDecisionStore()
    with pytest.raises(error, match=message):
        accept(proposal, store, "steward", TODAY)
    assert store.decisions() == ()


def test_undo_keeps_both_decisions_and_takes_the_mapping_away():
    store = MemoryDecisionStore()
    accept(Proposal("referral_reason", "blåklint", ("B_NORM",)), store, "steward", TODAY)
    undone = undo(1, store, "steward", TODAY, "fel ord")
    assert (undone.number, undone.undoes, undone.codes, undone.reason) == (2, 1, (), "fel ord")
    assert len(store.decisions()) == 2
    assert Codebooks.load(store.decisions()).read("referral_reason", "blåklint").codes == ()


def test_undo_of_what_is_not_there():
    store = MemoryDecisionStore()
    with pytest.raises(NotFound, match="no mapping decision 1"):
        undo(1, store, "steward", TODAY)
    accept(Proposal("referral_reason", "blåklint", ("B_NORM",)), store, "steward", TODAY)
    undo(1, store, "steward", TODAY)
    with pytest.raises(UsageError, match="undone already"):
        undo(1, store, "steward", TODAY)
    with pytest.raises(UsageError, match="itself an undo"):
        undo(2, store, "steward", TODAY)
