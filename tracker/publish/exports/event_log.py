"""Form «eventlog»: cases, activities and timestamps under the names of XES (IEEE 1849), as pm4py reads."""

from __future__ import annotations

from tracker.publish.exports.happenings import happenings
from tracker.publish.exports.material import Material
from tracker.publish.exports.stamps import timestamps
from tracker.publish.exports.tables import Table, described

_NAMED = {
    "id": "case:concept:name",
    "event": "concept:name",
    "time": "time:timestamp",
    "child": "case:child",
    "entry_month": "case:entry_month",
}
_ATTRIBUTES = (
    "municipality",
    "fact",
    "precision",
    "referral_type",
    "flow_class",
    "need",
    "intervention_type",
)


def event_log(material: Material) -> list[Table]:
    """Table ``eventlog``: a row for each event, the case one person followed."""
    events = happenings(material)
    events = events.assign(time=timestamps(material, events).dt.tz_localize("UTC"))
    frame = events[[*_NAMED, *_ATTRIBUTES]].rename(columns=_NAMED)
    return [described("eventlog", frame)]
