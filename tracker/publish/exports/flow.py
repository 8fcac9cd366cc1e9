"""Form «flowtable»: counts of stays since entry instead of rows of persons."""

from __future__ import annotations

from tracker.projections.flow_clock import Clock
from tracker.projections.flow_counting import Origin, build_flow_table, count_flows
from tracker.projections.flow_files import in_order
from tracker.projections.flow_table import FlowTable
from tracker.publish.exports.material import Material
from tracker.publish.exports.tables import Table, described


def flow(material: Material) -> list[Table]:
    """Table ``flow``: by what the cohort is broken down by, state, flow, to_state, day, step, count."""
    return [described("flow", in_order(_counted(material)).to_pandas(), material.cohort)]


def _counted(material: Material) -> FlowTable:
    if material.cohort is None:
        return build_flow_table(material.snapshot, clock=Clock.ENTRY, unit=material.unit)
    origin = Origin.of(material.snapshot, material.unit, material.cohort.spec.version)
    return count_flows(material.cohort.ibis(), Clock.ENTRY, material.cohort.spec.by, origin=origin)
