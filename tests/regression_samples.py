"""Synthetic spells for regressions: heavy ties, late entry, strata, weights, days without length."""

import numpy as np
import pandas as pd

from tracker.estimate.risk_sets import END, Stays, spells_as_stays

EVENT = ("open", "closed")


def spells(seed: int, number: int = 80, days: int = 8) -> pd.DataFrame:
    """Spells of ``number`` children, two each, with days and steps; a step is a moment of its day."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "child": np.repeat(np.arange(number // 2), 2),
            "sex": random.choice(["boy", "girl"], number),
            "age": random.choice(["0–6", "7–12", "13–17"], number),
            "place": random.choice(["north", "south"], number),
            "weight": random.integers(1, 4, number) / 2,
            "state": "open",
            "entered": random.integers(0, days // 2, number),
        }
    )
    frame["left"] = frame["entered"] + random.integers(0, days, number)
    frame["to"] = pd.Series(random.choice(["closed", "moved", ""], number, p=[0.5, 0.2, 0.3])).replace(
        "", None
    )
    frame["entered_step"] = 0
    frame["left_step"] = np.where(frame["to"].isna(), END, random.integers(1, 3, number))
    return frame


def stays(frame: pd.DataFrame, weight: str | None = None) -> Stays:
    return spells_as_stays(
        frame,
        subject="child",
        to_state="to",
        entered="entered",
        left="left",
        entered_step="entered_step",
        left_step="left_step",
        covariates=["sex", "age", "place"],
        weight=weight,
        states=["open", "closed", "moved"],
    )


def flow_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Their flow table."""
    keys = ["sex", "age", "place", "state"]
    came = frame.assign(day=frame["entered"], step=frame["entered_step"], flow="entered", to_state=None)
    went = frame.assign(day=frame["left"], step=frame["left_step"], to_state=frame["to"])
    went["flow"] = np.where(frame["to"].isna(), "censored", "transition")
    both = pd.concat([came, went])
    by = [*keys, "flow", "to_state", "day", "step"]
    return both.groupby(by, dropna=False).size().rename("count").reset_index()


def in_two(frame: pd.DataFrame, day: int) -> pd.DataFrame:
    """Every spell that lasts past the end of a day, in two pieces."""
    long = (frame["entered"] <= day) & (frame["left"] > day)
    first = frame[long].assign(left=day, left_step=END, to=None)
    second = frame[long].assign(entered=day, entered_step=END)
    return pd.concat([frame[~long], first, second], ignore_index=True)


def by_definition(frame: pd.DataFrame, columns: np.ndarray, beta: np.ndarray) -> float:
    """Efron's log partial likelihood, event by event: slow, and nothing but the definition."""
    at = frame["left"] * 100_000 + frame["left_step"]
    begin = frame["entered"] * 100_000 + frame["entered_step"]
    risk, linear = np.exp(columns @ beta), columns @ beta
    total = 0.0
    for _, stratum in frame.groupby("place"):
        rows = stratum.index
        happened = at[rows][stratum["to"] == "closed"]
        for moment in sorted(set(happened)):
            events = happened.index[happened == moment]
            inside = rows[(begin[rows] < moment) & (at[rows] >= moment)]
            total += linear[events].sum()
            for k in range(len(events)):
                total -= np.log(risk[inside].sum() - k / len(events) * risk[events].sum())
    return total


def simulated(seed: int, children: int, effect: float, latest: int = 40) -> Stays:
    """Children in and out of a state for 200 days, seen from a day up to ``latest``, ties of whole days.

    Boys leave for ``closed`` at exp(effect) / 50 a day, girls at 1 / 50, both for ``moved`` at 1 / 150. Each
    child has a rate of its own when ``seed`` is odd: its stays then depend on one another. Synthetic.
    """
    random = np.random.default_rng(seed)
    boy = random.integers(0, 2, children)
    rate = (random.gamma(2.0, 0.5, children) if seed % 2 else 1.0) * np.exp(effect * boy) / 50
    now, rows = np.zeros(children), []
    for _ in range(4):
        out, other = random.exponential(1 / rate, children), random.exponential(150, children)
        left = np.minimum(np.floor(now + np.minimum(out, other)), 200)
        to = pd.Series(np.where(left == 200, "", np.where(out <= other, "closed", "moved")))
        part = {"child": np.arange(children), "sex": boy, "entered": now, "left": left, "to": to}
        rows.append(pd.DataFrame(part))
        now = left + 1 + np.floor(random.exponential(20, children))
    frame = pd.concat(rows)
    frame = frame[frame["entered"] < 200].reset_index(drop=True)
    late = np.maximum(frame["entered"], random.integers(0, latest + 1, children)[frame["child"]])
    frame["entered_step"] = np.where(late > frame["entered"], END, 0)
    frame = frame.assign(entered=late, state="open", to=frame["to"].replace("", None))
    frame["left_step"] = np.where(frame["to"].isna(), END, 1)
    frame["sex"] = frame["sex"].map({0: "girl", 1: "boy"})
    later = (frame["left"] > frame["entered"]) | (
        (frame["left"] == frame["entered"]) & (frame["left_step"] > frame["entered_step"])
    )
    return stays(frame[later].assign(age="0–6", place="north"))
