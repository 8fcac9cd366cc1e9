from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tracker.domain.chain import CLOSED, chain_diagram, chain_from, default_chain
from tracker.domain.errors import UsageError

DOCUMENT = Path(__file__).parents[2] / "docs" / "chain.md"

OWN = yaml.safe_load(
    """
    name: without waiting
    closed_leads_to: [referral, support]
    states:
      - {name: referral, rank: 1, opened_by: ReferralReceived, closed_by: ReferralConcluded,
         leads_to: [support, closed]}
      - {name: support, rank: 2, opened_by: OpenSupportStarted, closed_by: OpenSupportEnded,
         leads_to: [closed, care]}
      - {name: care, rank: 5, opened_by: DecisionMade, closed_by: InterventionEnded, leads_to: [closed],
         adult_age: 21, adult_age_by_ground: {lvu_2: 18}}
    """
)


def test_the_default_chain_ends_by_age_as_the_law_does() -> None:
    chain = default_chain()
    assert [chain.age_limit(s, None) for s in ("referral", "investigation", CLOSED)] == [18, 18, 18]
    assert [chain.age_limit(s, "lvu_3") for s in ("granted", "intervention")] == [21, 21]
    assert chain.age_limit("intervention", "lvu_2") == 18
    assert chain.age_limit("intervention", "lvu_6") == 20


def test_a_stay_is_observed_through_all_that_may_end_it() -> None:
    chain = default_chain()
    assert chain.observed_through("referral") == {"referrals", "investigations"}
    assert chain.observed_through(CLOSED) == {"referrals", "investigations"}
    assert chain.observed_through("investigation") == {"referrals", "investigations", "interventions"}


def test_every_state_can_end_by_age_move_or_death() -> None:
    graph = default_chain().graph
    assert set(graph["closed"]) == {"referral", "investigation", "adult", "moved", "dead"}
    assert [name for name in graph if graph.nodes[name]["absorbing"]] == ["adult", "moved", "dead"]


def test_versions_follow_content() -> None:
    assert chain_from(OWN).version == chain_from(deepcopy(OWN)).version
    later = deepcopy(OWN)
    later["states"][2]["adult_age"] = 20
    assert chain_from(later).version != chain_from(OWN).version
    assert chain_from(OWN).version.startswith("without waiting-")


def _broken(change: str) -> dict[str, Any]:
    declared: dict[str, Any] = deepcopy(OWN)
    states = declared["states"]
    match change:
        case "rank":
            states[1]["rank"] = 1
        case "unknown":
            states[0]["leads_to"] = ["prison"]
        case "span":
            states[0]["closed_by"] = "InterventionEnded"
        case "name":
            states[0]["name"] = "dead"
        case "event":
            states[0]["opened_by"] = "Nothing"
        case "missing":
            del states[0]["leads_to"]
        case "twice":
            states[1] |= {"opened_by": "ReferralReceived", "closed_by": "ReferralConcluded"}
        case "empty":
            states.clear()
    return declared


@pytest.mark.parametrize("change", ["rank", "unknown", "span", "name", "event", "missing", "twice", "empty"])
def test_a_chain_that_does_not_hold_together_is_refused(change: str) -> None:
    with pytest.raises(UsageError):
        chain_from(_broken(change))


def test_the_picture_in_the_documentation_is_the_declared_chain() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert chain_diagram(default_chain()) in text
    assert default_chain().version in text
