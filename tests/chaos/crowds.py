"""The same inbox by several loads at once, left alone or killed."""

from __future__ import annotations

from tests.chaos.injuries import Injury
from tests.chaos.loaders import ended_with_a_sentence
from tests.chaos.scene import Round


def two_at_once(round_: Round) -> Injury:
    """Every file by two loads at the same time: each ends well, each file is in once."""
    both = [round_.ingest() for _ in range(2)]
    problems = [wrong for ingest in both for wrong in ended_with_a_sentence(ingest, {0})]
    return Injury("the same files twice at once", "from the start", True, problems)


def eight_at_once(round_: Round) -> Injury:
    """Eight loads of one inbox, of which three are killed at random moments."""
    eight = [round_.ingest(TRACKER_WORKERS="1") for _ in range(8)]
    moments = []
    for ingest in eight[:3]:
        moments.append(round_.wait_for_a_moment(ingest))
        ingest.kill()
    problems = [wrong for ingest in eight[3:] for wrong in ended_with_a_sentence(ingest, {0})]
    return Injury("eight loads at once", "three killed: " + ", ".join(moments), True, problems)
