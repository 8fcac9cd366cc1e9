"""Where the data of an estimate come from: what a drawn cohort says of itself, in the words of results."""

from __future__ import annotations

from tracker.estimate.results import About
from tracker.projections.cohort import StudyCohort


def about_cohort(cohort: StudyCohort, clock: str = "") -> About:
    """The origin of estimates on a cohort: its version, unit, and the versions of its snapshot."""
    manifest = cohort.manifest
    return About(
        cohort=cohort.spec.version,
        clock=clock,
        unit=cohort.unit.value,
        position=manifest.position,
        codebook=manifest.codebook,
        chain=manifest.chain,
        rules=manifest.rules,
        software=manifest.software,
        synthetic=manifest.synthetic,
    )
