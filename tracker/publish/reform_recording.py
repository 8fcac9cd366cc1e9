"""What the break in recording at the 2025 Act allows one to conclude, as deliveries have it."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from tracker.estimate.series_fits import SeriesFit, Unfitted
from tracker.projections.recording import Recording
from tracker.publish.findings import Section, Table
from tracker.publish.reform_series import Fits, done, ratio_told


def recording_section(told: Recording, fits: Fits) -> Section:
    """The statement, with who declares what."""
    return Section(
        "What the break in recording allows one to conclude",
        (*_completeness(told), *_support(fits), *_conclusions(fits)),
        (),
        (
            Table("recording", "Municipalities that declare not-opened reports complete", told.summary),
            Table("recording_places", "By municipality", told.places, shown=20),
        ),
    )


def brief(told: Recording, fits: Fits) -> tuple[str, ...]:
    """The findings for who reads nothing else."""
    made = done(fits)
    clear = [one for one in made if one.changed]
    said = [
        f"{_capital(one)} since 1 July 2025: {ratio_told(one.since)} times what was expected."
        for one in clear
    ]
    if alike := [one.definition.said for one in made if not one.changed]:
        said.append(f"No change that the intervals tell from none: {', '.join(alike)}.")
    if undone := [one.definition.said for one in fits if isinstance(one, Unfitted)]:
        said.append(f"Not told, for lack of deliveries or months: {', '.join(undone)}.")
    count = int(told.summary["municipalities"].max())
    return (
        *said,
        f"{told.both} of {count} municipalities declare not-opened reports complete before and since.",
    )


def _capital(one: SeriesFit) -> str:
    said = one.definition.said
    return said[0].upper() + said[1:]


def _completeness(told: Recording) -> Iterator[str]:
    before, since = (row for _, row in told.summary.iterrows())
    if not (before["municipalities"] and since["municipalities"]):
        yield "Referrals are not delivered in full before and since 1 July 2025: they cannot be compared."
        return
    yield (
        "Before 1 July 2025 reports that opened nothing could not be kept searchable, so deliveries of "
        f"referrals may lack some of them. That all are there is declared by {_of(before)} before that day "
        f"and by {_of(since)} since; by {told.both} on both sides. Numbers of referrals, the share opened "
        "and whatever is counted from a referral rest on municipalities that declare it; for the others they "
        "are not delivered."
    )


def _of(row: pd.Series) -> str:
    return f"{row['declared']} of {row['municipalities']} municipalities ({100 * row['share']:.0f} %)"


def _support(fits: Fits) -> Iterator[str]:
    named = {one.definition.name: one for one in fits}
    support, both = named["open_support"], named["all_support"]
    broken = (
        "Since the Act more support may be given without a needs decision, and such support is no "
        "intervention: the series of interventions is broken. "
    )
    if not both.series:
        yield broken + (
            "Both are not delivered in full by any municipality before and since, so fewer interventions may "
            "be support given otherwise, and these deliveries cannot tell."
        )
        return
    yield (
        broken
        + f"{len(both.series.used)} municipalities deliver both in full; there the two are added together."
    )
    if isinstance(support, SeriesFit) and isinstance(both, SeriesFit):
        yield (
            f"Support without a needs decision is {ratio_told(support.since)} times what was expected, the "
            f"two together {ratio_told(both.since)} times."
        )


def _conclusions(fits: Fits) -> Iterator[str]:
    made = {one.definition.name for one in done(fits)}
    if made & {"referrals", "opened_share"}:
        yield (
            "Changes in referrals and in the share opened can be read for the municipalities that declare "
            "completeness, as far as what they declare is true. They say nothing of the others."
        )
    else:
        yield "Nothing can be said of changes in referrals or in the share opened."
    if made & {"investigations", "granted"}:
        yield (
            "Investigations opened and decisions granted do not depend on how reports that opened nothing "
            "were kept: their series can be read across the day. Fewer of them may still be help given in "
            "other forms."
        )
    yield (
        "Nothing here tells the Act from whatever else changed everywhere at that time: there is no "
        "municipality to which it did not apply."
    )
