"""Form «meds»: the Medical Event Data Standard (schema 0.4), a folder ``data`` and a folder ``metadata``.

Codes are ``<event>//<code>``, further codes of an event ``<column>//<code>`` at the same time. What is always
so (sex, month of entry, age at entry) has no time. Rows of one subject lie together, in the order of time.
"""

from __future__ import annotations

from hashlib import sha256

import pandas as pd
import pyarrow as pa

from tracker.domain.events import EventType
from tracker.publish.exports.happenings import HAPPENINGS, Happening, happenings
from tracker.publish.exports.material import Material
from tracker.publish.exports.stamps import timestamps
from tracker.publish.exports.tables import Table, described, lists

MEDS_VERSION = "0.4.0"
DEATH = "MEDS_DEATH"
SEPARATOR = "//"

DATA = pa.schema(
    [
        ("subject_id", pa.int64()),
        ("time", pa.timestamp("us")),
        ("code", pa.string()),
        ("numeric_value", pa.float32()),
    ]
)
CODES = pa.schema(
    [("code", pa.string()), ("description", pa.string()), ("parent_codes", pa.list_(pa.string()))]
)

_LIST_OF = {
    "reasons": "referral_reason",
    "action": "referral_action",
    "known_before": "yes_no",
    "outcome": "investigation_outcome",
    "guardian_consent": "consent",
    "child_consent": "consent",
    "result": "follow_up_result",
    "support_type": "open_support_type",
    "interpreter": "yes_no",
    "fact_type": "child_fact",
    "value": "child_fact_value",
}
"""Columns whose codes are of a list of another name."""


def meds(material: Material) -> list[Table]:
    """Tables ``data/0`` and ``metadata/codes``."""
    events = happenings(material)
    events = events.assign(
        subject=events["id"].map(_numbers(events["id"])), time=timestamps(material, events)
    )
    rows = pd.concat([_fixed(material, events), *_coded(events)], ignore_index=True)
    rows = rows.sort_values(
        ["subject", "time", "place"], na_position="first", kind="stable", ignore_index=True
    )
    data = rows.rename(columns={"subject": "subject_id"})[DATA.names]
    codes = pd.DataFrame({"code": sorted(data["code"].unique())}, dtype=object)
    codes["description"] = codes["code"].map(_description)
    codes["parent_codes"] = codes["code"].map(_parents)
    return [_as(described("data/0", data), DATA), _as(described("metadata/codes", codes), CODES)]


def subject_number(person: str) -> int:
    """A number of 63 bits for a person's id: the standard wants whole numbers."""
    return int.from_bytes(sha256(person.encode()).digest()[:8], "big") >> 1


def _numbers(ids: pd.Series) -> dict[str, int]:
    return {one: subject_number(one) for one in ids.unique()}


def _as(table: Table, schema: pa.Schema) -> Table:
    return Table(table.name, table.frame, table.columns, schema)


def _fixed(material: Material, events: pd.DataFrame) -> pd.DataFrame:
    """What is always so of each person: month of entry, and sex and age of the first stay."""
    people = material.people[material.people["id"].isin(events["id"])]
    first = material.stays.drop_duplicates("id").set_index("id")
    subject = people["id"].map(_numbers(people["id"]))
    parts = [_rows(subject, "entry_month" + SEPARATOR + people["entry_month"])]
    for name in ("sex", "age_at_entry"):
        if name in first:
            parts.append(_attribute(subject, people["id"].map(first[name]), name))
    return pd.concat(parts, ignore_index=True)


def _attribute(subject: pd.Series, value: pd.Series, name: str) -> pd.DataFrame:
    known = value.notna()
    if pd.api.types.is_numeric_dtype(value):
        return _rows(subject[known], pd.Series(name, index=subject[known].index), value[known])
    return _rows(subject[known], name + SEPARATOR + value[known].astype(str))


def _rows(subject: pd.Series, code: pd.Series, number: pd.Series | None = None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "subject": subject.astype("int64"),
            "time": pd.Series(pd.NaT, index=subject.index, dtype="datetime64[us]"),
            "code": code,
            "numeric_value": number.astype("float32") if number is not None else pd.Series(dtype="float32"),
            "place": 0,
        },
        index=subject.index,
    )


def _coded(events: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows of each kind of event: the event with its first code, then its other codes."""
    return [part for one in HAPPENINGS for part in _measured(events[events["event"] == one.event.value], one)]


def _measured(events: pd.DataFrame, one: Happening) -> list[pd.DataFrame]:
    names = ["fact_type" if name == "fact" else name for name in one.codes]
    head, *others = names if names[0] != "reasons" else ["", *names]
    value = events[head].astype(object)
    code = (one.event.value + SEPARATOR + value).where(value.notna(), one.event.value)
    if one.event is EventType.CHILD_FACT_RECORDED:
        code = code.mask(value == "died", DEATH)
    parts = [_timed(events, code, 1)]
    for name in others:
        given = events[events[name].notna()]
        each = given.assign(**{name: given[name].astype(object).str.split("; ")}).explode(name)
        parts.append(_timed(each, name + SEPARATOR + each[name].astype(object), 2))
    return parts


def _timed(events: pd.DataFrame, code: pd.Series, place: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "subject": events["subject"],
            "time": events["time"],
            "code": code,
            "numeric_value": pd.Series(float("nan"), index=events.index, dtype="float32"),
            "place": place,
        },
        index=events.index,
    )


def _description(code: str) -> str:
    """The English labels of the parts of a code."""
    if code == DEATH:
        return _label("child_fact", "died")
    head, _, tail = code.partition(SEPARATOR)
    event = _label("event", head)
    if not tail:
        return event if event != head else "Age in whole years at entry"
    if event != head:
        of = next(one for one in HAPPENINGS if one.event.value == head)
        first = "fact_type" if of.codes[0] == "fact" else of.codes[0]
        return f"{event}: {_label(_LIST_OF.get(first, first), tail)}"
    return f"{head}: {_label(_LIST_OF.get(head, head), tail)}"


def _label(of: str, code: str) -> str:
    levels = [*lists().get(of, ()), *lists()["missing"]]
    return next((level.label_en for level in levels if level.code == code), code)


def _parents(code: str) -> list[str]:
    head, separator, _ = code.partition(SEPARATOR)
    return [head] if separator else []
