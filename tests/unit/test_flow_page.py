"""The flow page speaks Swedish throughout: every denominator, day count, group and level has its word."""

from __future__ import annotations

import pandas as pd
import pytest

from tracker.projections import flow_words
from tracker.projections.flow_groups import GROUPS
from tracker.publish import flow_page_words as sv
from tracker.publish.flow_page_table import swedish_sections
from tracker.publish.group_words import GROUPS_SV, level_sv
from tracker.publish.swedish_stamp import cohort_sv


def test_every_english_word_of_the_table_has_its_swedish_one() -> None:
    assert set(sv.STEP_DENOMINATORS_SV) == set(flow_words.STEP_DENOMINATORS)
    assert set(sv.START_DENOMINATORS_SV) == set(flow_words.START_DENOMINATORS)
    assert set(sv.DAYS_SV) == set(flow_words.DAYS)
    assert set(GROUPS_SV) == set(GROUPS)
    assert "inom 200 dagar" in dict(sv.definitions_sv("200"))["återaktualisering"]
    assert not any("{" in meaning for _, meaning in sv.definitions_sv("365"))


@pytest.mark.parametrize(
    ("stamp", "said"),
    [
        ({"cohort": "referrals received at any time", "links": "all"}, "Alla inkomna aktualiseringar · alla"),
        (
            {"cohort": "referrals received 2024-01-01..2024-12-31, sex=girl, municipality=0180|0380"},
            "Aktualiseringar inkomna 2024-01-01–2024-12-31 · endast kön Flicka, kommun 0180 eller 0380",
        ),
        (
            {"cohort": "referrals received at any time, act=after", "links": "explicit"},
            "lag från 1 juli 2025",
        ),
    ],
)
def test_the_cohort_is_told_in_swedish(stamp: dict[str, str], said: str) -> None:
    assert said in cohort_sv(stamp)


def test_levels_have_swedish_names_and_years_their_own() -> None:
    assert [level_sv("reason", "B_KRIM")[:14], level_sv("year", "2024")] == ["Kriminalitet e", "2024"]
    assert level_sv("sex", "not_given") == "ej angivet" and level_sv("sex", "all") == "alla"


def _row(**changed: object) -> dict[str, object]:
    share = {f"{name}_{of}": 0.5 for of in ("step", "start") for name in ("share",)}
    bounds = {f"share_{of}_{end}": 0.25 for of in ("step", "start") for end in ("low", "high")}
    counts = {f"{part}_{of}": 1200 for of in ("step", "start") for part in ("numerator", "denominator")}
    status = {"status": "value", "status_step": "value", "status_start": "value"}
    plain = {"sex": "all", "block": "linkable", "step": "need", "class": "yes", "unit": "investigations"}
    label = {"label_sv": "Behov av stöd eller skydd", "count": 1200}
    days = {"median_days_among_completed": 93.5, "completed": 1200}
    return {**plain, **label, **share, **bounds, **counts, **status, **days, **changed}


def test_rows_are_written_as_swedish_readers_write_and_denominators_named() -> None:
    missing = {"class": "open", "label_sv": "Behovsbedömning: pågår ännu", "status_step": "not_delivered"}
    table = pd.DataFrame([_row(), _row(**missing), _row(status="not_applicable")])
    (section,) = swedish_sections(table, ("sex",))
    assert section.heading == "Behovsbedömning"
    assert "Andel av steget, nämnare: utredning inledd, behov bedömt ja eller nej." in section.note
    assert "nämnare: utredningar: inledda ur urvalet, utfall känt så här långt." in section.note
    first, second = section.table.to_numpy().tolist()
    assert first == [
        *("alla", "Behov av stöd eller skydd", "utredningar", "1\u00a0200", "50,0 % (25,0–25,0)"),
        *("1\u00a0200 av 1\u00a0200", "50,0 % (25,0–25,0)", "1\u00a0200 av 1\u00a0200"),
        "93,5 (av 1\u00a0200)",
    ]
    assert second[1] == "pågår ännu" and second[4] == "ej levererat"
