"""Synthetic deliveries loaded into the log in memory: every row becomes what the truth says."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
import yaml

from tracker.domain.delivery import DeliveryState, Outcome
from tracker.harmonise.claims import claim
from tracker.harmonise.codebook import Codebooks
from tracker.intake.extract import extract
from tracker.intake.sidecar import read_sidecar
from tracker.intake.spec_files import RECORD_TYPES
from tracker.projections.churning import ids_table
from tracker.projections.snapshot import write_snapshot
from tracker.pseudonymise.keyring import Keyring
from tracker.pseudonymise.pseudonymise import pseudonymise
from tracker.pseudonymise.vault import MemoryVault
from tracker.record.decide import decide
from tracker.record.memory import MemoryLog
from tracker.record.stage import StagedDelivery, stage
from tracker.synth import Plan, generate, reexport

PLAN = replace(
    Plan.demo(), municipalities=8, referrals=1_200, share_bad_rows=0.03, share_without_child_id=0.13,
    share_local_pseudonyms=0.13, share_without_sidecar=0.13,
)  # fmt: skip


class Loader:
    """The story from file to log, in memory."""

    def __init__(self, folder: Path) -> None:
        self.keys = Keyring.create(folder)
        self.vault = MemoryVault(self.keys.identities)
        self.log = MemoryLog()

    def staged(self, path: Path) -> StagedDelivery:
        beside = path.with_name(path.name + ".yml")
        sidecar = read_sidecar(beside.read_bytes()) if beside.exists() else None
        found = extract(path.name, path.read_bytes(), path.parent.name, sidecar)
        return stage(pseudonymise(claim(found), self.keys, self.vault))

    def load(self, inbox: Path) -> Iterator[tuple[str, dict[int, Outcome]]]:
        """Each file, in extract order, with the outcome of its rows."""
        for path in sorted((p for p in inbox.glob("*/*") if p.suffix != ".yml"), key=_extracted):
            staged = self.staged(path)
            number = self.log.register(path.parent.name, path.name, path.name.encode(), 1).delivery_no
            stream = self.log._streams[staged.note.municipality, staged.note.record_type]
            outcomes = decide(staged, stream, number).outcomes
            receipt = self.log.load(number, staged)
            assert receipt.state is DeliveryState.LOADED, path.name
            yield str(path.relative_to(inbox)), {row: outcome for row, (outcome, _) in outcomes.items()}


def _extracted(path: Path) -> tuple[date, str]:
    beside = path.with_name(path.name + ".yml")
    if not beside.exists():
        return date.max, str(path)
    return yaml.safe_load(beside.read_text("utf-8"))["extracted_on"], str(path)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Loader, dict[str, dict[int, Outcome]]]:
    out = tmp_path_factory.mktemp("synth")
    generate(out, PLAN, seed=21)
    loader = Loader(out / "keys")
    return out, loader, dict(loader.load(out / "inbox"))


def test_every_row_becomes_what_the_truth_says(
    loaded: tuple[Path, Loader, dict[str, dict[int, Outcome]]],
) -> None:
    out, _, outcomes = loaded
    rows = pd.read_parquet(out / "truth" / "rows.parquet")
    expected = rows[rows.certain]
    wrong = Counter(
        (r.record_type, r.kind, r.outcome, str(outcomes[r.file].get(r.row)))
        for r in expected.itertuples()
        if outcomes[r.file].get(r.row) != r.outcome
    )
    assert not wrong
    assert sum(map(len, outcomes.values())) == len(rows)
    assert set(expected.outcome) == {"appended", "corrected", "unchanged", "quarantined", "set_aside"}


def test_the_log_holds_the_facts_of_the_truth(
    loaded: tuple[Path, Loader, dict[str, dict[int, Outcome]]],
) -> None:
    out, loader, _ = loaded
    live: Counter[tuple[str, str]] = Counter()
    for stream, heads in loader.log._streams.items():
        live[stream] = len({head.fact_id for head in heads.heads.values() if head.live})
    for record_type in RECORD_TYPES:
        truth = pd.read_parquet(out / "truth" / f"{record_type}.parquet")
        for municipality, facts in truth.groupby("municipality"):
            assert live[str(municipality), record_type] == len(facts)


def test_a_re_export_says_nothing_new(tmp_path: Path) -> None:
    plan = replace(PLAN, redeliveries=False, share_bad_rows=0.0, municipalities=8)
    generate(tmp_path / "first", plan, seed=5)
    files = reexport(tmp_path / "first", tmp_path / "again", seed=9)
    loader = Loader(tmp_path / "keys")
    first = dict(loader.load(tmp_path / "first" / "inbox"))
    events = sum(1 for e in loader.log.events() if e.type != "DeliveryRecorded")
    again = dict(loader.load(tmp_path / "again" / "inbox"))
    assert len(first) == len(again) == files
    assert not set(first) & set(again)
    seen = Counter(outcome for rows in again.values() for outcome in rows.values())
    assert seen[Outcome.UNCHANGED] > 1_000
    assert not seen[Outcome.APPENDED] + seen[Outcome.CORRECTED]
    assert events == sum(1 for e in loader.log.events() if e.type != "DeliveryRecorded")
    originals = {p.read_bytes() for p in (tmp_path / "first" / "inbox").glob("*/*")}
    assert not originals & {p.read_bytes() for p in (tmp_path / "again" / "inbox").glob("*/*")}


def test_nothing_to_re_export_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no deliveries"):
        reexport(tmp_path, tmp_path / "again", seed=1)


def test_the_snapshot_links_what_the_truth_says_ids_tell(
    loaded: tuple[Path, Loader, dict[str, dict[int, Outcome]]],
) -> None:
    out, loader, _ = loaded
    ids = ids_table(loader.log.churning_ids())
    write_snapshot(out / "snapshot", _as_table(loader), Codebooks.load(), ids=ids)
    for name in ("referrals", "interventions", "follow_ups"):
        found = pd.read_parquet(out / "snapshot" / f"{name}.parquet")
        truth = pd.read_parquet(out / "truth" / f"{name}.parquet")
        if name == "referrals":
            truth = truth[truth.subject.notna()]
        explicit = found[found.link_method == "explicit"].groupby("municipality").size().to_dict()
        assert explicit == truth[truth.explicit].groupby("municipality").size().to_dict()
        assert len(found) == len(truth)
    subjects = pd.read_parquet(out / "snapshot" / "referrals.parquet").subject_id.nunique()
    truth = pd.read_parquet(out / "truth" / "referrals.parquet")
    assert subjects == truth.subject.nunique()


def _as_table(loader: Loader) -> pa.Table:
    """The log as projections read it."""
    kinds = {
        "position": pa.int64(), "event_type": pa.string(), "kind": pa.string(), "subject_id": pa.string(),
        "municipality": pa.string(), "record_type": pa.string(), "fact_id": pa.string(),
        "version": pa.int32(), "replaces": pa.int64(), "occurred_on": pa.date32(),
        "delivery_no": pa.int32(), "row_no": pa.int32(),
        "body": pa.string(),
    }  # fmt: skip
    rows = [
        {**vars(e), "event_type": str(e.type), "kind": str(e.kind), "body": json.dumps(dict(e.body))}
        for e in loader.log.events()
    ]
    return pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in kinds.items()})
