"""The flow summary on generated snapshots, against the same definitions written out row by row."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from itertools import product
from random import Random
from statistics import median

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.small_snapshots import covered, small_snapshot
from tracker.domain.periods import add_months, assessment_due, investigation_due
from tracker.projections.flow_summary import flow_summary

FIRST, LAST = date(2024, 1, 1), date(2024, 12, 31)
CHILDREN = [*"abcdefg", None]
PLACES = ["0180", "1480"]
METHODS = ["explicit", "explicit", "nearest"]
CLASSES = ["attached", "not_opened", "referred_elsewhere", "administrative", "unmapped"]
STEPS = ("investigation", "need", "granted", "started", "followed_up")
KNOWN = {
    "investigation": {"opened", "attached", "not_opened", "referred_elsewhere"},
    **dict.fromkeys(STEPS[1:], frozenset({"yes", "no"})),
}
ONWARD = {"investigation": "opened", **dict.fromkeys(STEPS[1:], "yes")}


def some_day(random: Random) -> date:
    return FIRST + timedelta(random.randrange(366))


def perhaps(random: Random, make: Callable[[Random], date], often: float = 0.7) -> date | None:
    return make(random) if random.random() < often else None


def an_investigation(random: Random, n: int) -> dict:
    closed_on = perhaps(random, some_day)
    return {
        "fact_id": f"i{n}",
        "subject_id": random.choice(CHILDREN[:-1]),
        "municipality": random.choice(PLACES),
        "opened_on": some_day(random),
        "closed_on": closed_on,
        "closed": closed_on is not None,
        "need": random.choice([*["support"] * 6, "protection", "none", "unmapped", None]),
        "observed_until": random.choice([LAST, LAST, None]),
    }


def an_intervention(random: Random, n: int, investigations: list[dict]) -> dict:
    return {
        "fact_id": f"v{n}",
        "municipality": random.choice(PLACES),
        "decided_on": some_day(random),
        "granted": random.choice([*["yes"] * 6, "no", "unmapped", None]),
        "started_on": perhaps(random, some_day),
        "investigation_id": random.choice(investigations)["fact_id"],
        "link_method": random.choice(METHODS),
        "observed_until": random.choice([LAST, LAST, None]),
    }


def a_follow_up(random: Random, n: int, interventions: list[dict]) -> dict:
    linked = random.choice(interventions)["fact_id"]
    method = random.choice(METHODS)
    return {
        "fact_id": f"u{n}",
        "held_on": some_day(random),
        "intervention_id": linked,
        "link_method": method,
    }


def a_referral(random: Random, n: int, investigations: list[dict]) -> dict:
    received, child = some_day(random), random.choice(CHILDREN)
    own = [i["fact_id"] for i in investigations if i["subject_id"] == child]
    return {
        "fact_id": f"r{n}",
        "subject_id": child,
        "municipality": random.choice(PLACES),
        "received_on": received,
        "concluded_on": perhaps(random, lambda r: received + timedelta(r.randrange(30))),
        "sex": random.choice(["girl", "boy", None]),
        "referral_type": random.choice(["report", "report", "application"]),
        "reasons": random.sample(["V_FYS", "O_PSYK"], random.randrange(3)),
        "reasons_status": "given",
        "flow_class": random.choice([*["opened"] * 8, *CLASSES, None, None]),
        "investigation_id": random.choice([*own * 3, None]),
        "link_method": random.choice(METHODS),
        "observed_until": random.choice([LAST, LAST, None]),
        "not_opened_complete": random.random() < 0.7,
    }


def snapshot_tables(seed: int) -> dict[str, list[dict]]:
    """Tables of a few children whose stages link at random; of any size, also empty."""
    random = Random(seed)
    size = random.choice([0, 1, 3, 10, 30])
    investigations = [an_investigation(random, n) for n in range(size)]
    interventions = [an_intervention(random, n, investigations) for n in range(size * 2)]
    follow_ups = [a_follow_up(random, n, interventions) for n in range(size // 2)]
    referrals = [a_referral(random, n, investigations) for n in range(size * 2 + random.randrange(3))]
    ends = [LAST, LAST, some_day(random)]
    coverage = [
        row | {"covered_from": FIRST, "covered_to": random.choice(ends)}
        for row in covered(*PLACES)
        if random.random() < 0.8
    ]
    return {
        "referrals": [row for row in referrals if row["subject_id"]],
        "unlinkable_referrals": [row for row in referrals if not row["subject_id"]],
        "investigations": investigations,
        "interventions": interventions,
        "follow_ups": follow_ups,
        "coverage": coverage,
    }


class Plain:
    """The definitions, one row at a time."""

    def __init__(self, tables: dict[str, list[dict]], explicit: bool) -> None:
        self.tables, self.explicit = tables, explicit
        self.referrals = [*tables["referrals"], *tables["unlinkable_referrals"]]

    def counts(self, row: dict) -> bool:
        return not self.explicit or row["link_method"] == "explicit"

    def covered_to(self, record_type: str, place: str, day: date | None) -> date | None:
        for c in self.tables["coverage"]:
            same = c["municipality"] == place and c["record_type"] == record_type
            if same and day and c["covered_from"] <= day <= c["covered_to"]:
                return c["covered_to"]
        return None

    def beyond(self, record_type: str, row: dict, day: date) -> bool:
        place = row["municipality"]
        mine = [c for c in self.tables["coverage"] if c["municipality"] == place]
        return any(c["record_type"] == record_type for c in mine) and all(
            day > c["covered_to"] for c in mine if c["record_type"] == record_type
        )

    def unseen(self, record_type: str, place: str, day: date) -> str | None:
        """Why nothing can be said of a day: None when it can."""
        if self.beyond(record_type, {"municipality": place}, day):
            return "too_recent"
        return None if self.covered_to(record_type, place, day) else "not_delivered"

    def investigation(self, row: dict) -> dict | None:
        linked = row["investigation_id"] if self.counts(row) else None
        return next((i for i in self.tables["investigations"] if i["fact_id"] == linked), None)

    def interventions(self, investigation: dict) -> list[dict]:
        found = [v for v in self.tables["interventions"] if v["investigation_id"] == investigation["fact_id"]]
        return [v for v in found if self.counts(v)]

    def held(self, v: dict) -> list[date]:
        found = [u for u in self.tables["follow_ups"] if u["intervention_id"] == v["fact_id"]]
        return [u["held_on"] for u in found if self.counts(u)]

    def sorted_as(self, row: dict) -> str:
        if row["flow_class"]:
            return row["flow_class"]
        if investigation := self.investigation(row):
            return "opened" if investigation["opened_on"] >= row["received_on"] else "attached"
        if self.beyond("referrals", row, row["received_on"]):
            return "too_recent"
        if row["observed_until"] is None:
            return "not_delivered"
        if assessment_due(row["received_on"]) > row["observed_until"]:
            return "too_recent"
        mates = [r for r in self.referrals if r["municipality"] == row["municipality"]]
        return "open" if any(r["flow_class"] for r in mates) else "not_delivered"

    def path(self, row: dict) -> list[str]:
        first = self.sorted_as(row)
        if first != "opened":
            return [first]
        if investigation := self.investigation(row):
            return [first, *self.onward(investigation)]
        day = row["concluded_on"] or row["received_on"]
        return [first, self.unseen("investigations", row["municipality"], day) or "not_linked"]

    def onward(self, i: dict) -> list[str]:
        need, granted = self.need(i), self.granted(i)
        if need != "yes":
            return [need, "outside_chain"] if granted == "yes" else [need]
        if granted != "yes":
            return [need, granted]
        started = self.best(self.started(v) for v in self.given(i))
        if started != "yes":
            return [need, granted, started]
        followed = self.best(self.followed(v) for v in self.given(i) if v["started_on"])
        return [need, granted, started, followed]

    @staticmethod
    def best(classes) -> str:
        return max(classes, key=["no", "not_delivered", "too_recent", "yes"].index)

    def need(self, i: dict) -> str:
        told = {"support": "yes", "protection": "yes", "none": "no", "unmapped": "unmapped"}
        if i["need"]:
            return told[i["need"]]
        if i["closed_on"]:
            return "not_delivered"
        if self.beyond("investigations", i, i["opened_on"]):
            return "too_recent"
        if not i["observed_until"]:
            return "not_delivered"
        return "too_recent" if investigation_due(i["opened_on"]) > i["observed_until"] else "open"

    def given(self, i: dict) -> list[dict]:
        rows = self.interventions(i)
        return [v for v in rows if v["granted"] == "yes" or (v["granted"] is None and v["started_on"])]

    def granted(self, i: dict) -> str:
        rows = self.interventions(i)
        if self.given(i):
            return "yes"
        if any(v["granted"] == "unmapped" for v in rows):
            return "unmapped"
        if rows:
            return "not_delivered" if any(v["granted"] is None for v in rows) else "no"
        day = i["closed_on"] or i["opened_on"]
        if why := self.unseen("interventions", i["municipality"], day):
            return why
        until = self.covered_to("interventions", i["municipality"], day)
        if not i["closed_on"]:
            return "open"
        return "too_recent" if add_months(i["closed_on"], 1) > until else "no"

    def started(self, v: dict) -> str:
        if v["started_on"]:
            return "yes"
        mates = [w for w in self.tables["interventions"] if w["municipality"] == v["municipality"]]
        if not any(w["started_on"] for w in mates):
            return "not_delivered"
        if self.beyond("interventions", v, v["decided_on"]):
            return "too_recent"
        if not v["observed_until"]:
            return "not_delivered"
        return "too_recent" if add_months(v["decided_on"], 3) > v["observed_until"] else "no"

    def followed(self, v: dict) -> str:
        if self.held(v):
            return "yes"
        if why := self.unseen("follow_ups", v["municipality"], v["started_on"]):
            return why
        until = self.covered_to("follow_ups", v["municipality"], v["started_on"])
        return "too_recent" if add_months(v["started_on"], 6) > until else "no"

    def clock_14(self, row: dict) -> str:
        name = self.sorted_as(row)
        if name in ("attached", "administrative") or row["referral_type"] != "report":
            return "not_in_risk_set"
        if name == "unmapped":
            return "unmapped"
        if row["concluded_on"]:
            return "within" if row["concluded_on"] <= assessment_due(row["received_on"]) else "late"
        return {"open": "late", "too_recent": "too_recent"}.get(name, "not_delivered")

    def clock_4(self, i: dict) -> str:
        due = investigation_due(i["opened_on"])
        if i["closed_on"]:
            return "within" if i["closed_on"] <= due else "late"
        if self.beyond("investigations", i, i["opened_on"]):
            return "too_recent"
        if not i["observed_until"]:
            return "not_delivered"
        return "too_recent" if due >= i["observed_until"] else "late"


def known_as_of(path: list[str], depth: int) -> bool:
    last = min(depth, len(path) - 1)
    return path[last] in KNOWN[STEPS[last]]


def limits(share: float, size: float) -> tuple[float, float]:
    z = 1.959963984540054
    middle, spread = (
        share + z * z / (2 * size),
        z * math.sqrt(share * (1 - share) / size + z * z / (4 * size**2)),
    )
    return (middle - spread) / (1 + z * z / size), (middle + spread) / (1 + z * z / size)


def interval(y: list[int], x: list[int], clustered: bool) -> tuple[float, float]:
    """Limits of Σy / Σx over children (or rows), by the formulas of the documentation."""
    share, rows = sum(y) / sum(x), sum(x)
    if not clustered:
        return limits(share, rows)
    m = sum(1 for value in x if value)
    if share in (0, 1) or m == 1:
        return limits(share, m)
    variance = m / (m - 1) * sum((a - share * b) ** 2 for a, b in zip(y, x, strict=True)) / rows**2
    return limits(share, rows if variance == 0 else min(share * (1 - share) / variance, rows))


GROUPING = {
    (): lambda row: [()],
    ("sex",): lambda row: [(row["sex"] or "not_given",)],
    ("municipality", "reason"): lambda row: list(
        product([row["municipality"]], sorted(set(row["reasons"])) or ["not_given"])
    ),
}


def units(plain: Plain, rows: list[dict], unit: str) -> list[tuple[object, list[str], bool]]:
    """(child, path, not-opened complete) of every unit; a child's referrals each once for ``children``."""
    if unit != "investigations":
        return [(r["subject_id"] or r["fact_id"], plain.path(r), r["not_opened_complete"]) for r in rows]
    opened = [(r["subject_id"], plain.investigation(r)) for r in rows if plain.sorted_as(r) == "opened"]
    distinct = {i["fact_id"]: (child, i) for child, i in opened if i}
    return [(child, ["opened", *plain.onward(i)], True) for child, i in distinct.values()]


def check_steps(frame, plain: Plain, rows: list[dict], linkable: bool) -> None:
    for unit in ("referrals", "investigations", "children") if linkable else ("referrals",):
        members = units(plain, rows, unit)
        for depth, step in enumerate(STEPS if linkable else STEPS[:1]):
            reached = [(c, p[depth], full, p) for c, p, full in members if len(p) > depth]
            table = frame[(frame["unit"] == unit) & (frame["step"] == step)]
            for name, (_, row) in zip(table["class"], table.iterrows(), strict=True):
                mine = [c for c, value, _, _ in reached if value == name]
                assert row["count"] == (len(set(mine)) if unit == "children" else len(mine))
                if name in KNOWN[step] and not (unit == "investigations" and depth == 0):
                    check_shares(row, members, depth, linkable)


def check_shares(row, members, depth, linkable) -> None:
    step, name, unit = STEPS[depth], row["class"], row["unit"]
    for which in ("step", "start"):
        y, x = defaultdict(int), defaultdict(int)
        for child, path, full in members:
            reached = len(path) > depth and path[depth] in KNOWN[step]
            inside = reached if which == "step" else known_as_of(path, depth)
            if inside and (full or (which == "step" and depth > 0)):
                x[child] += 1
                y[child] += len(path) > depth and path[depth] == name
        if unit == "children":
            x, y = dict.fromkeys(x, 1), {c: min(y[c], 1) for c in x}
        assert row[f"numerator_{which}"] == sum(y.values())
        assert row[f"denominator_{which}"] == sum(x.values())
        if not x:
            assert row[f"status_{which}"] != "value" and math.isnan(row[f"share_{which}"])
            continue
        assert row[f"status_{which}"] == "value"
        expected = interval([y[c] for c in x], list(x.values()), linkable)
        assert row[f"share_{which}_low"] == pytest.approx(max(expected[0], 0), abs=1e-9)
        assert row[f"share_{which}_high"] == pytest.approx(min(expected[1], 1), abs=1e-9)


def check_clocks(frame, plain: Plain, rows: list[dict], linkable: bool) -> None:
    told = frame[frame["step"] == "clock_14_days"].set_index("class")["count"]
    assert dict(told) == {name: sum(plain.clock_14(r) == name for r in rows) for name in told.index}
    if linkable:
        opened = {
            i["fact_id"]: i for r in rows if plain.sorted_as(r) == "opened" if (i := plain.investigation(r))
        }
        told = frame[frame["step"] == "clock_4_months"].set_index("class")["count"]
        assert dict(told) == {n: sum(plain.clock_4(i) == n for i in opened.values()) for n in told.index}


def check_medians(frame, plain: Plain, rows: list[dict]) -> None:
    table = frame[(frame["step"] == "investigation") & (frame["unit"] == "referrals")].set_index("class")
    for name, row in table.iterrows():
        mine = [r for r in rows if plain.sorted_as(r) == name and r["concluded_on"]]
        taken = [(r["concluded_on"] - r["received_on"]).days for r in mine]
        if taken:
            assert (row["median_days_among_completed"], row["completed"]) == (median(taken), len(taken))


@pytest.mark.parametrize("by", GROUPING)
@pytest.mark.parametrize("links", ["all", "explicit"])
@given(seed=st.integers(0, 2**32))
@settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_figure_follows_from_the_definitions(tmp_path_factory, seed, by, links):
    tables = snapshot_tables(seed)
    snapshot = small_snapshot(tmp_path_factory.mktemp("plain"), **tables)
    table = flow_summary(snapshot, by=by, links=links).table
    plain = Plain(tables, links == "explicit")
    for block, rows in (("linkable", tables["referrals"]), ("unlinkable", tables["unlinkable_referrals"])):
        groups = defaultdict(list, {("all",) * len(by): list(rows)})
        if by:
            for row in rows:
                for key in GROUPING[by](row):
                    groups[key].append(row)
                if len(by) > 1:
                    groups[row["municipality"], "all"].append(row)
        frame = table[table["block"] == block]
        keys = list(zip(*(frame[name] for name in by), strict=True)) if by else [()] * len(frame)
        assert set(keys) == set(groups)
        for key, members in groups.items():
            part = frame[[k == key for k in keys]]
            check_steps(part, plain, members, block == "linkable")
            check_clocks(part, plain, members, block == "linkable")
            check_medians(part, plain, members)
