"""A sender's sheet: its facts of one record type in its own words, as its case system shows them on a day.

Beside the true value of each coded field stands what is said (``said:<field>``). A few cells are wrong
until a clerk corrects them (``wrong:<field>`` until ``fixed``), a few rows are mistakes that later
vanish (``removed``): re-deliveries then differ as real ones do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tracker.synth import bbic
from tracker.synth.episodes import Table
from tracker.synth.plan import Plan
from tracker.synth.population import NEVER, day_number
from tracker.synth.senders import Sender

CODEBOOKS: Mapping[str, Mapping[str, str]] = {
    "referrals": {
        "sex": "sex", "referral_type": "referral_type", "referrer": "referrer", "action": "referral_action",
    },
    "investigations": {
        "sex": "sex", "known_before": "yes_no", "need": "need", "outcome": "investigation_outcome",
    },
    "interventions": {
        "sex": "sex", "intervention_type": "intervention_type", "legal_basis": "legal_basis",
        "granted": "granted", "guardian_consent": "consent", "child_consent": "consent",
        "end_reason": "end_reason",
    },
    "follow_ups": {
        "goal_attainment": "goal_attainment", "situation": "situation", "result": "follow_up_result",
    },
    "open_support": {
        "sex": "sex", "support_type": "open_support_type", "provider": "provider",
        "living_arrangement": "living_arrangement", "caregiver_sex": "caregiver_sex",
        "interpreter": "yes_no", "result": "follow_up_result",
    },
    "open_support_counts": {"sex": "sex", "support_type": "open_support_type", "age_group": "age_group"},
    "child_facts": {"fact": "child_fact", "value": "child_fact_value"},
    "municipality_facts": {"size_class": "size_class"},
}  # fmt: skip
"""Field → codebook of every coded column (``reasons`` apart), by record type."""

UNTIL: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "referrals": (("action_on", ("action_on", "action", "investigation")),),
    "investigations": (("closed_on", ("closed_on", "need", "outcome", "bbic")),),
    "interventions": (("started_on", ("started_on",)), ("ended_on", ("ended_on", "end_reason"))),
    "open_support": (("ended_on", ("ended_on", "result")),),
}
"""What is still blank before a date has come: date field → the fields that wait for it."""

CORRECTABLE = {
    "referrals": "referrer", "investigations": "known_before", "interventions": "guardian_consent",
    "follow_ups": "situation",
}  # fmt: skip
SHARE_CORRECTED, SHARE_REMOVED = 0.06, 0.01


@dataclass(frozen=True)
class Sheet:
    """``rows``: one a fact, with fields, ``said:…`` and life-cycle columns; ``coded``: field → codebook."""

    record_type: str
    rows: Table
    coded: Mapping[str, str]


def sheet(record_type: str, facts: Table, sender: Sender, plan: Plan, rng: np.random.Generator) -> Sheet:
    """The sender's sheet; ``facts`` are its own, in any order."""
    rows = facts.assign(removed=NEVER, fixed=-NEVER)
    coded = dict(CODEBOOKS[record_type])
    if record_type == "investigations" and sender.bbic:
        rows = bbic.with_items(rows, rng)
        coded |= bbic.CODEBOOKS
    rows["pick"] = rng.integers(0, 1 << 16, len(rows))
    rows["secret"] = rng.random(len(rows)) < plan.share_unknown_wording
    rows["anonymous"] = _anonymous(record_type, rows, sender, plan, rng)
    if "reasons" in rows:
        rows = _reasons_said(rows, sender, plan.share_rows_with_several)
    for field, codebook in coded.items():
        rows[f"said:{field}"] = _said(rows, field, codebook, sender)
    if sender.schedule != "once" and record_type in CORRECTABLE:
        rows = _with_mistakes(record_type, rows, sender, plan, rng)
    return Sheet(record_type, rows.reset_index(drop=True), coded)


def _anonymous(
    record_type: str, rows: Table, sender: Sender, plan: Plan, rng: np.random.Generator
) -> np.ndarray:
    """Rows without any child id."""
    if record_type in ("open_support_counts", "municipality_facts") or sender.children == "none":
        return np.ones(len(rows), bool)
    if record_type == "child_facts":
        return np.zeros(len(rows), bool)
    unborn = rows.unborn.to_numpy() if "unborn" in rows else np.zeros(len(rows), bool)
    return unborn | (rng.random(len(rows)) < plan.share_ids_missing)


def _said(rows: Table, field: str, codebook: str, sender: Sender) -> np.ndarray:
    words, secret = sender.lexicon.words[codebook], sender.lexicon.secret.get(codebook)
    codes, pick = rows[field].tolist(), rows.pick.tolist()
    if codebook == "referral_type" and sender.lexicon.by_age:
        pick = (rows.age.to_numpy() >= 13).astype(int).tolist()
    said = [words[c][k % len(words[c])] if c else "" for c, k in zip(codes, pick, strict=True)]
    if secret:
        for k in np.flatnonzero(rows.secret.to_numpy() & (rows.pick.to_numpy() % 2 == 0)):
            said[k] = secret[codes[k]] if codes[k] else ""
    return np.asarray(said, dtype=object)


def _reasons_said(rows: Table, sender: Sender, share_with_several: float) -> Table:
    """Reasons as delivered: none, only the first, or on some rows up to three in one cell."""
    most = {"none": 0, "one": 1, "several": 1}[sender.reasons]
    allowed = np.full(len(rows), most)
    if sender.reasons == "several":
        allowed[(rows.pick.to_numpy() // 2) % 1000 < 1000 * share_with_several] = 3
    words, secret = sender.lexicon.words["referral_reason"], sender.lexicon.secret["referral_reason"]
    hidden = (rows.secret & (rows.pick % 2 == 1)).tolist()
    kept, said = np.empty(len(rows), dtype=object), np.empty(len(rows), dtype=object)
    for k, (codes, pick, hide) in enumerate(zip(rows.reasons, rows.pick.tolist(), hidden, strict=True)):
        kept[k] = codes[: allowed[k]]
        parts = [words[c][pick % len(words[c])] for c in kept[k]]
        if hide and parts:
            parts[0] = secret[kept[k][0]]
        said[k] = sender.lexicon.separator.join(parts)
    return rows.assign(reasons=kept, **{"said:reasons": said})


def _with_mistakes(
    record_type: str, rows: Table, sender: Sender, plan: Plan, rng: np.random.Generator
) -> Table:
    field = CORRECTABLE[record_type]
    n = len(rows)
    chosen = (rng.random(n) < SHARE_CORRECTED) & ~rows.anonymous.to_numpy()
    shuffled = rng.permutation(n)
    said = rows[f"said:{field}"].to_numpy()
    differs = chosen & (said[shuffled] != said) & (said[shuffled] != "")
    fixed = rows.registered.to_numpy() + rng.integers(60, 700, n)
    rows = rows.assign(fixed=np.where(differs, fixed, -NEVER).astype(np.int32))
    rows[f"wrong:{field}"] = said[shuffled]
    rows[f"wrongcode:{field}"] = rows[field].to_numpy()[shuffled]
    return (
        pd.concat([rows, _ghosts(rows, plan, rng)], ignore_index=True) if record_type == "referrals" else rows
    )


def _ghosts(rows: Table, plan: Plan, rng: np.random.Generator) -> Table:
    """Referrals registered by mistake and removed later; of children with one referral here only."""
    alone = rows[
        ~rows.child.duplicated(keep=False) & ~rows.anonymous & (rows.action != "A1") & (rows.action != "C1")
    ]
    count = min(round(len(rows) * SHARE_REMOVED), len(alone))
    ghosts = alone.iloc[rng.choice(len(alone), count, replace=False)].copy() if count else alone[:0].copy()
    shift = rng.integers(1, 6, len(ghosts))
    day = np.maximum(ghosts.received_on.to_numpy() - shift, day_number(plan.window.first))
    moved = day != ghosts.received_on.to_numpy()
    ghosts = ghosts.assign(received_on=day, day=day, investigation="", fixed=-NEVER)
    ghosts["fid"] = "G" + ghosts.fid.str[1:]
    ghosts["case"] = ghosts.case + 4_000_000
    ghosts["registered"] = day + 1
    ghosts["removed"] = day + rng.integers(40, 900, len(ghosts))
    return pd.DataFrame(ghosts[moved])


def as_of(sheet: Sheet, extracted: int, first: int, last: int) -> Table:
    """The rows an export on ``extracted`` of ``first``..``last`` shows, with its blanks and mistakes."""
    rows = sheet.rows
    shown: Table = rows[
        rows.day.between(first, last) & (rows.registered <= extracted) & (rows.removed > extracted)
    ].reset_index(drop=True)
    shown = _mistakes_of_the_day(shown, extracted)
    for date_field, fields in UNTIL.get(sheet.record_type, ()):
        shown = _blank(shown, shown[date_field] > extracted, _expanded(fields, sheet))
    return shown


def _expanded(fields: tuple[str, ...], sheet: Sheet) -> list[str]:
    items = [f for f in sheet.coded if f not in CODEBOOKS[sheet.record_type]]
    return [g for f in fields for g in (items if f == "bbic" else [f])]


def _blank(rows: Table, where: pd.Series, fields: list[str]) -> Table:
    for field in fields:
        dated = field.endswith("_on")
        rows[field] = rows[field].mask(where, int(NEVER) if dated else "")
        if f"said:{field}" in rows:
            rows[f"said:{field}"] = rows[f"said:{field}"].mask(where, "")
    return rows


def _mistakes_of_the_day(rows: Table, extracted: int) -> Table:
    field = next((str(c)[6:] for c in rows if str(c).startswith("wrong:")), None)
    if field is None:
        return rows
    still = rows.fixed > extracted
    rows[f"said:{field}"] = rows[f"said:{field}"].mask(still, rows[f"wrong:{field}"])
    rows[field] = rows[field].mask(still, rows[f"wrongcode:{field}"])
    return rows
