"""Form «msdata»: a row for every transition a person is at risk of, as R's ``mstate`` works with.

``msprep`` makes such data from one row a person and refuses loops; here they are made from the stays, so
loops, delayed entry and several stays in one state are as good as any. The transitions are those that were
made; ``transitions_matrix`` numbers them row by row, as ``transMat`` does.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tracker.publish.exports.intervals import CENSORED, intervals
from tracker.publish.exports.material import Material
from tracker.publish.exports.tables import Column, Level, Table, described, lists


def msdata(material: Material) -> list[Table]:
    """Tables ``msdata``, ``transitions``, ``transitions_matrix`` and ``states``."""
    observed = intervals(material).frame
    observed = observed.assign(
        **{"from": observed["from"].astype(object), "event": observed["event"].astype(object)}
    )
    states = _states(observed)
    moves = _transitions(observed, states)
    return [
        described("msdata", _expanded(observed, moves), material.cohort),
        described("transitions", moves),
        described("states", pd.DataFrame({"number": range(1, len(states) + 1), "name": states})),
        _matrix(moves, states),
    ]


def _states(observed: pd.DataFrame) -> list[str]:
    """The states that occur, in the order of the chain; those of another chain after them."""
    seen = {*observed["from"], *observed["event"]} - {CENSORED}
    order = {level.code: level.number for level in lists()["state"]}
    return sorted(seen, key=lambda name: (order.get(name, len(order) + 1), name))


def _transitions(observed: pd.DataFrame, states: list[str]) -> pd.DataFrame:
    made = observed[observed["event"] != CENSORED]
    counted = made.groupby(["from", "event"], as_index=False).size()
    number = {name: place for place, name in enumerate(states, start=1)}
    frame = pd.DataFrame(
        {
            "from": counted["from"].map(number).astype("int32"),
            "to": counted["event"].map(number).astype("int32"),
            "from_state": counted["from"],
            "to_state": counted["event"],
            "count": counted["size"].astype("int64"),
        }
    ).sort_values(["from", "to"], ignore_index=True)
    frame.insert(0, "trans", np.arange(1, len(frame) + 1, dtype="int32"))
    return frame


def _expanded(observed: pd.DataFrame, moves: pd.DataFrame) -> pd.DataFrame:
    """Each interval once for every transition out of its state, in the order of id, time and transition."""
    ways = moves[["trans", "from", "to", "from_state", "to_state"]]
    rows = observed.rename(columns={"from": "from_state"}).assign(row=np.arange(len(observed)))
    both = rows.merge(ways, on="from_state").sort_values(["row", "trans"], ignore_index=True)
    rest = [
        name for name in observed.columns if name not in ("id", "person", "tstart", "tstop", "from", "event")
    ]
    return pd.DataFrame(
        {
            "id": both["person"],
            **{name: both[name] for name in ("from", "to", "trans")},
            "Tstart": both["tstart"],
            "Tstop": both["tstop"],
            "time": both["tstop"] - both["tstart"],
            "status": (both["event"] == both["to_state"]).astype("int32"),
            **{name: both[name] for name in rest},
        }
    )


def _matrix(moves: pd.DataFrame, states: list[str]) -> Table:
    """A row and a column for each state; the number of the transition, missing where there is none."""
    number = moves.set_index(["from_state", "to_state"])["trans"].to_dict()
    cells = {to: pd.Series([number.get((of, to)) for of in states], dtype="Int32") for to in states}
    matrix = pd.DataFrame(cells)
    labels = {level.code: level for level in lists()["state"]}
    columns = tuple(_to(name, labels.get(name)) for name in states)
    named = described("transitions_matrix", pd.DataFrame({"from_state": states}, dtype=object))
    return Table(
        "transitions_matrix",
        pd.concat([named.frame, matrix], axis=1),
        (*named.columns, *columns),
    )


def _to(name: str, level: Level | None) -> Column:
    sv, en = (level.label_sv, level.label_en) if level else (name, name)
    meaning = f"Number of the transition to «{name}»; missing where there is none."
    return Column(name, "number", "transition number", sv, en, meaning)
