"""Form «timeline»: one row for each event of a child, as ``tmerge`` of R takes it, and the stays beside."""

from __future__ import annotations

from tracker.publish.exports.happenings import happenings
from tracker.publish.exports.intervals import intervals
from tracker.publish.exports.material import Material
from tracker.publish.exports.tables import Table, described

_FIRST = ("id", "child", "entry_month", "day", "order", "precision", "event", "municipality")
_FACTS = ("fact", "linked_fact", "link_method")
_LEFT_OUT = ("rank", "on", "origin_on")


def timeline(material: Material) -> list[Table]:
    """Tables ``events`` (what happened) and ``intervals`` (the states in between, for ``survfit``)."""
    events = happenings(material)
    codes = [name for name in events.columns if name not in (*_FIRST, *_FACTS, *_LEFT_OUT)]
    dates = ["on"] if material.exact else []
    frame = events[[*_FIRST, *dates, *_FACTS, *codes]]
    return [described("events", frame), intervals(material)]
