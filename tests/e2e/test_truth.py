"""The acceptance test: synthetic files through the real pipeline into PostgreSQL and out tell the truth.

Eight municipalities with all four dialects, re-deliveries, late additions, a file without sidecars, local
pseudonyms, rows without a child, wordings nobody knows and bad rows. Three installations load the same files:
as exported; the same with other keys; the newest export first with the first one's keys.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from sqlalchemy import text

from tests.e2e import content
from tests.e2e.conftest import NewInstallation
from tests.e2e.truth_flow import Truth, counts
from tracker.desk import intake_desk, snapshots, steward_desk
from tracker.domain.delivery import DeliveryState
from tracker.harmonise.codebook import Codebooks
from tracker.intake.inbox import InboxFile
from tracker.pipeline import load_all
from tracker.postgres.engine import Role, connect
from tracker.projections.flow_groups import TOTAL
from tracker.projections.flow_summary import flow_summary
from tracker.record.log import Receipt
from tracker.synth import Plan, generate
from tracker.wiring import Installation

PLAN = replace(
    Plan.demo(), municipalities=8, referrals=1_500, share_bad_rows=0.03, share_unknown_wording=0.03,
    share_without_child_id=0.13, share_local_pseudonyms=0.13, share_without_sidecar=0.13, old_excel=True,
    last_extract=date(2026, 7, 3),
)  # fmt: skip
SEED = 3

GROUPS: dict[tuple[str, ...], Callable[[Any], str]] = {
    (): lambda r: TOTAL,
    ("sex",): lambda r: r.sex or "not_given",
    ("municipality",): lambda r: r.municipality,
    ("year",): lambda r: str(r.received_on.year),
}

OUTCOMES = """
SELECT d.municipality || '/' || d.file_name AS file, o.row_no AS row, o.outcome::text AS outcome
FROM intake.row_outcome o JOIN intake.delivery d USING (delivery_no)
"""


@dataclass(frozen=True)
class Story:
    """One installation after everything was loaded."""

    place: Installation
    receipts: dict[str, Receipt]
    snapshot: Path

    def outcomes(self) -> pd.DataFrame:
        with connect(self.place.url, Role.READER) as connection:
            return pd.DataFrame(connection.execute(text(OUTCOMES)).mappings().all())


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic inbox with the truth beside it."""
    folder = tmp_path_factory.mktemp("synthetic")
    generate(folder, PLAN, SEED)
    return folder


@pytest.fixture(scope="module")
def story(out: Path, new_installation: NewInstallation) -> Story:
    return told(new_installation(out / "first"), as_exported(out))


@pytest.fixture(scope="module")
def codebooks() -> Codebooks:
    return Codebooks.load()


@pytest.fixture(scope="module")
def truth(out: Path, codebooks: Codebooks) -> Truth:
    return Truth.read(out, codebooks)


def as_exported(out: Path) -> list[InboxFile]:
    """The files in the order in which the case systems were read."""
    return sorted(intake_desk.find(out / "inbox").files, key=lambda file: (exported(file), str(file.path)))


def exported(file: InboxFile) -> date:
    if file.sidecar is None:
        return date.max
    day: date = yaml.safe_load(file.sidecar.read_text("utf-8"))["extracted_on"]
    return day


def told(place: Installation, files: Sequence[InboxFile]) -> Story:
    """Take in and load the files in this order, by municipality, and take a snapshot."""
    waiting = intake_desk.take_in(files, place, lambda step: None)
    loaded = load_all(waiting, place.tools(), place.settings.workers)
    receipts = {f"{taken.municipality}/{taken.file_name}": receipt for taken, receipt in loaded}
    at, folder = snapshots.resolve(place.url, None), place.settings.home / "snapshot"
    snapshots.take_snapshot(place.url, folder, place.codebooks(), at, lambda step: None)
    return Story(place, receipts, folder)


def table(out: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(out / "truth" / f"{name}.parquet")


def test_the_inbox_holds_what_municipalities_do(out: Path) -> None:
    files, rows, children = table(out, "files"), table(out, "rows"), table(out, "children")
    assert files.municipality.nunique() == PLAN.municipalities
    assert set(files.system) == {"Lifebook", "Procura", "Treva", "Viskan"}
    assert {Path(file).suffix for file in files.file} == {".csv", ".txt", ".xls", ".xlsx"}
    assert len(files[files.arrival > 1]) > 10
    assert not files.sidecar.all()
    assert set(rows.kind) > {"fact", "fact_without_child", "sum_row", "duplicate_row", "out_of_period"}
    assert (table(out, "child_facts").fact == "number_changed").any()
    births = table(out, "referrals").query("subject.notna()").groupby("child").birth_date.first()
    assert children.set_index("child").birth_date.reindex(births.index).equals(births)


def test_every_row_is_accounted_for_and_becomes_what_the_truth_says(out: Path, story: Story) -> None:
    rows, found = table(out, "rows"), story.outcomes()
    both = rows.merge(found, on=["file", "row"], how="outer", indicator=True, suffixes=("", "_found"))
    assert both._merge.eq("both").all()
    certain = both[both.certain]
    assert len(certain) > 0.9 * len(rows)
    wrong = certain[certain.outcome != certain.outcome_found]
    assert wrong.empty, wrong.groupby(["record_type", "kind", "outcome", "outcome_found"]).size().to_string()
    assert set(certain.outcome) == {"appended", "corrected", "unchanged", "quarantined", "set_aside"}


def test_every_file_loads_but_those_without_a_row(out: Path, story: Story) -> None:
    files = table(out, "files")
    assert set(story.receipts) == set(files.file)
    rejected = {f for f, receipt in story.receipts.items() if receipt.state is DeliveryState.REJECTED}
    assert rejected == set(files.file) - set(table(out, "rows").file)
    states = {receipt.state for f, receipt in story.receipts.items() if f not in rejected}
    assert states == {DeliveryState.LOADED}


def test_the_codebook_is_right_wherever_it_claims_to_know(out: Path, codebooks: Codebooks) -> None:
    wordings = table(out, "wordings")
    known = 0
    for row in wordings.itertuples():
        reading = codebooks.read(row.codebook, row.wording, row.municipality, row.system)
        assert set(reading.codes) <= set(row.codes), row.wording
        assert reading.unmapped or set(reading.codes) == set(row.codes), row.wording
        assert reading.unmapped or not row.secret, row.wording
        known += not reading.unmapped
    assert known > 0.9 * (~wordings.secret).sum()


def test_the_codes_of_every_child_are_the_truth(out: Path, story: Story, codebooks: Codebooks) -> None:
    expected = content.of_truth(out, codebooks)
    assert all(expected.values())  # every record type occurs
    assert_same(content.timelines(expected), content.timelines(content.of_snapshot(story.snapshot)))


def test_unknown_wordings_wait_for_the_steward(out: Path, story: Story, codebooks: Codebooks) -> None:
    expected: dict[tuple[str, str], set[str]] = {}
    for row in table(out, "wordings").itertuples():
        for part in codebooks.read(row.codebook, row.wording, row.municipality, row.system).unmapped:
            expected.setdefault((row.codebook, part), set()).add(row.municipality)
    queue = steward_desk.unmapped(story.place, None)
    assert {(q["codebook"], q["spelling"]): set(q["municipalities"]) for q in queue} == expected
    assert {"referral_reason", "referral_action"} <= {codebook for codebook, _ in expected}


@pytest.mark.parametrize("by", GROUPS, ids="-".join)
def test_the_flow_summary_is_the_truth_for_explicit_links(
    truth: Truth, story: Story, by: tuple[str, ...]
) -> None:
    summary = flow_summary(story.snapshot, by=by, links="explicit").table
    figures = summary[summary["status"].eq("value")]
    groups = figures[by[0]] if by else pd.Series(TOTAL, figures.index)
    if by:
        figures, groups = figures[groups != TOTAL], groups[groups != TOTAL]
    keys = zip(groups, figures["block"], figures["step"], figures["class"], figures["unit"], strict=True)
    found = Counter(dict(zip(keys, figures["count"].astype(int), strict=True)))
    expected = counts(truth, GROUPS[by])
    assert_same(expected, found)
    told = {(step, name) for (_, _, step, name, _), count in expected.items() if count}
    assert told >= SOMETIMES


SOMETIMES = {
    *(("investigation", c) for c in ("opened", "attached", "not_opened", "referred_elsewhere")),
    *(("investigation", c) for c in ("administrative", "unmapped", "open", "too_recent")),
    *(("need", c) for c in ("yes", "no", "not_delivered", "not_linked", "too_recent")),
    *(("granted", c) for c in ("yes", "no", "too_recent")),
    ("started", "yes"),
    ("started", "no"),
    *(("followed_up", c) for c in ("yes", "no", "too_recent")),
    *(("returned", c) for c in ("yes", "no", "open", "too_recent", "left_observation", "not_delivered")),
    *(("clock_14_days", c) for c in ("within", "late", "not_in_risk_set", "unmapped")),
    *(("clock_4_months", c) for c in ("within", "late", "too_recent")),
}
"""Classes that occur in these municipalities, so that none is held to the truth in vain."""


def test_another_database_with_other_keys_tells_the_same(
    out: Path, story: Story, new_installation: NewInstallation
) -> None:
    other = told(new_installation(out / "other keys"), as_exported(out))
    first, second = (content.canonical(s.snapshot, without=ANY_OF_A_DAY) for s in (story, other))
    for name in first:
        assert_same(first[name], second[name])


def test_the_order_of_arrival_does_not_matter(
    out: Path, story: Story, new_installation: NewInstallation
) -> None:
    """Only how often a fact was told differs, and links by case numbers that mean one thing in one export."""
    home = out / "newest first"
    shutil.copytree(story.place.settings.keys, home / "keys")
    other = told(new_installation(home), as_exported(out)[::-1])
    first, second = (content.canonical(s.snapshot, without=(*TOLD, *content.LINKS)) for s in (story, other))
    for name in first.keys() - {"links"}:
        assert_same(first[name], second[name])
    churning = set(table(out, "referrals").query("not stable_ids").municipality)
    assert unlike_links(story, other) <= churning


def unlike_links(one: Story, other: Story) -> set[str]:
    """Municipalities with a fact that links otherwise."""
    first, second = (content.canonical(s.snapshot, without=(*ANY_OF_A_DAY, *TOLD)) for s in (one, other))
    linked = ("referrals", "investigations", "interventions", "follow_ups")
    rows = [row for name in linked for row in first[name] - second[name]]
    return {next(cell for cell in row if isinstance(cell, str) and len(cell) == 4) for row in rows}


ANY_OF_A_DAY = ("referral_id",)
"""Of several referrals of one day that led to an investigation, which one it names follows from fact ids."""
TOLD = ("kind", "version")


def assert_same(expected: Counter[Any], found: Counter[Any]) -> None:
    missing, surplus = expected - found, found - expected
    assert not missing and not surplus, (
        f"{missing.total()} missing, such as {sorted(map(repr, missing))[:3]}; "
        f"{surplus.total()} too many, such as {sorted(map(repr, surplus))[:3]}"
    )
