"""Every parameter of the simulated process, in one place.

Intensities are per child and year (365.25 days), piecewise constant; a stay is a number of whole
days. The figures the process is calibrated to are those of the NUSO memoranda (half of referrals lead
to an investigation, 81/72/35/24 % opened by reason, four times as many referrals at 15–17 as at
0–2 …); the intensities that reproduce them are ours. ``as_json`` is what is written to
``truth/intensities.json``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

REASONS = (
    "B_KRIM", "B_SKADBRUK", "B_PSYK", "B_NORM", "B_SKOLA", "B_HALSA", "B_RELATION", "B_ENSAM",
    "V_FYS", "V_PSYK", "V_SEX", "V_UPPLEVT", "V_HEDER", "V_ANNAN", "O_OMSORG", "O_SKADBRUK",
    "O_PSYK", "O_HALSA", "O_KRIM", "F_KONFLIKT", "F_EKONOMI", "X_OVRIGT",
)  # fmt: skip
"""The 22 reasons; the order is the index used in the arrays of the process."""

TYPES = ("report", "application", "other_information")
ACTIONS = ("A1", "B1", "C1", "C2", "C3", "C4", "C5")
REFERRERS = (
    "school", "police", "health_care", "guardian", "child", "neighbour", "social_services",
    "other_authority", "anonymous", "preschool",
)  # fmt: skip
NEEDS = ("none", "support", "protection")
GRANTED = ("yes", "no", "withdrawn")

Weights = tuple[float, ...]


@dataclass(frozen=True)
class ReferralIntensity:
    """Intensity of a referral while nothing is open: a product of factors.

    ``base`` by NUSO age group (0–2 … 15–17); ``sex`` (girl, boy); ``earlier`` by number of earlier
    episodes (0, 1, 2, 3 or more); ``recent`` multiplies for ``recent_days`` after an episode ended;
    ``reform`` from 1 July 2025; ``frequent`` for the share ``frequent_share`` of children.
    """

    base: Weights = (0.054, 0.066, 0.078, 0.090, 0.112, 0.132)
    sex: Weights = (0.97, 1.03)
    earlier: Weights = (1.0, 2.0, 2.7, 3.3)
    recent: float = 1.7
    recent_days: int = 180
    reform: float = 1.08
    frequent: float = 6.0
    frequent_share: float = 0.012
    prior_per_year_of_age: float = 0.028  # mean number of investigated episodes before the window
    twin: float = 0.08  # probability of a second referral within three days
    during_investigation: float = 0.95
    during_intervention: float = 0.55
    unborn: float = 0.012  # probability that a newborn was referred before birth


@dataclass(frozen=True)
class ReasonTables:
    """Weights of the primary reason by age group, what each leads to, and how reasons combine.

    ``opening`` is the probability that a report received while nothing is open opens an
    investigation; ``boys`` multiplies the weight for boys. ``more`` is the probability of a second
    and of a third concern.
    """

    weights: tuple[Weights, ...] = (
        (0, 0, 0.2, 0.1, 0.2, 1.5, 0.6, 0.3, 6, 2.5, 0.6, 12, 0.4, 0.8, 16, 11, 9, 3, 3, 8, 5, 5),
        (0, 0, 0.6, 0.8, 1.5, 2.5, 1, 0.3, 9, 4, 1, 11, 0.7, 1.5, 15, 9, 7, 2, 2, 9, 5, 5),
        (0.2, 0, 2, 3, 5, 2.5, 2, 0.3, 11, 5, 1.5, 10, 1.2, 2, 13, 7, 6, 2, 2, 8, 4.5, 5),
        (1, 0.2, 4.5, 5, 8, 2, 3, 0.5, 10, 5, 2, 8, 1.8, 2.5, 11, 6, 5, 2, 1.5, 7, 4, 5),
        (7, 3.5, 8, 8, 11, 1.5, 4, 1, 7, 4, 2.5, 5, 2, 3.5, 7, 4, 3.5, 1.5, 1, 4.5, 2.5, 5),
        (14, 10, 9, 7, 10, 1.2, 4.5, 2, 4.5, 3, 2.5, 3.5, 1.8, 4, 4.5, 2.5, 2.5, 1, 0.8, 3, 2, 5),
    )  # fmt: skip
    boys: Weights = (
        1.9, 1.4, 0.7, 1.7, 1.1, 1.1, 0.8, 1.5, 1, 0.9, 0.4,
        0.9, 0.6, 1, 0.9, 0.9, 0.9, 0.9, 1, 0.9, 1, 1,
    )  # fmt: skip
    opening: Weights = (
        0.38, 0.37, 0.39, 0.4, 0.27, 0.3, 0.4, 0.865, 0.725, 0.725, 0.68,
        0.64, 0.72, 0.5, 0.5, 0.235, 0.36, 0.32, 0.44, 0.31, 0.095, 0.24,
    )  # fmt: skip
    more: Weights = (0.38, 0.25)


@dataclass(frozen=True)
class Sorting:
    """Who is sorted out where: probabilities of the preliminary assessment.

    Rows of ``not_opened`` (before and after 1 July 2025) are probabilities of B1, C2, C4, C5.
    ``in_investigation`` and ``in_intervention`` likewise for referrals that come while one is open.
    """

    application_share: float = 0.062
    application_opening: float = 0.92
    information_share: float = 0.04
    girls_12_14: float = 1.16
    boys_12_14: float = 0.90
    not_opened: tuple[Weights, Weights] = ((0.86, 0.02, 0.07, 0.05), (0.75, 0.02, 0.18, 0.05))
    not_opened_actions: tuple[str, ...] = ("B1", "C2", "C4", "C5")
    in_investigation: Weights = (0.93, 0.05, 0.02)
    in_investigation_actions: tuple[str, ...] = ("C1", "C2", "C5")
    in_intervention: Weights = (0.36, 0.36, 0.11, 0.17)
    in_intervention_actions: tuple[str, ...] = ("A1", "C3", "C2", "B1")
    undecided: float = 0.004  # no action is ever registered


@dataclass(frozen=True)
class Assessment:
    """Days from arrival to the decision to open or not (14-day clock, SoL ch. 20 s. 2).

    With probability ``same_day`` 0 days; ``on_day_14`` 14; ``late`` 14 plus one plus an exponential
    stay of mean ``late_days``; else a geometric-like stay of 1–13 days. ``immediate`` replaces
    ``same_day`` for violence and children without a caregiver.
    """

    same_day: float = 0.17
    immediate: float = 0.52
    on_day_14: float = 0.13
    late: float = 0.09
    late_days: float = 13.0
    early_mean: float = 6.5


@dataclass(frozen=True)
class Investigating:
    """Stay in investigation: four calendar months is the limit; and what it ends in.

    Components: ``short`` (mean 9 days), ``on_limit`` (the due day less 0–4 days), ``late`` (after the
    due day, exponential of mean ``late_days``), else log-normal around ``median_days``. ``need`` is
    the probability of an assessed need by age group, lowest for the youngest.
    """

    short: float = 0.07
    on_limit: float = 0.22
    late: float = 0.13
    late_days: float = 45.0
    median_days: float = 84.0
    spread: float = 0.45
    need: Weights = (0.40, 0.46, 0.50, 0.51, 0.53, 0.55)
    protection: float = 0.16  # of assessed needs
    granted: float = 0.69  # a decision to grant, given an assessed need
    granted_after_reform: float = 0.63
    refused: float = 0.05
    withdrawn: float = 0.09
    immediate_protection: float = 0.012  # taken into care on the opening day
    open_support_outcome: tuple[float, float] = (0.06, 0.14)  # of no need, before and after 1 July 2025


@dataclass(frozen=True)
class Intervening:
    """Decision, start, stay and follow-up of an intervention.

    Decided on the closing day with probability ``same_day``, else up to 14 days before or 30 after.
    ``weights`` of ``kinds`` for ages 0–5, 6–12 and 13 or more; ``mean_days`` is the mean stay.
    """

    kinds: tuple[str, ...] = (
        "family_treatment", "structured_programme", "parental_support", "contact_family",
        "contact_person", "individual_treatment", "violence_support", "substance_treatment",
        "qualified_contact_person", "foster_home", "emergency_foster_home", "residential_care",
    )  # fmt: skip
    weights: tuple[Weights, ...] = (
        (34, 8, 22, 14, 0, 1, 7, 0, 0, 8, 5, 1),
        (32, 12, 14, 14, 5, 7, 7, 0, 0, 5, 3, 1),
        (20, 12, 6, 4, 15, 14, 4, 6, 4, 6, 2, 7),
    )
    placements: tuple[str, ...] = ("foster_home", "emergency_foster_home", "residential_care")
    same_day: float = 0.70
    before: float = 0.15
    start_same_day: float = 0.34
    start_mean: float = 21.0
    never_started: float = 0.05
    second: float = 0.18
    mean_days: float = 250.0
    follow_up_every: float = 150.0
    lvu: float = 0.35  # of placements


@dataclass(frozen=True)
class Life:
    """Moves, deaths and support without a needs decision."""

    move: float = 0.025
    death: float = 0.0002
    support_c4: float = 0.65
    support_b1: tuple[float, float] = (0.05, 0.09)
    support_mean_days: float = 110.0


@dataclass(frozen=True)
class Parameters:
    """The whole process; every run of a plan uses exactly one."""

    referral: ReferralIntensity = ReferralIntensity()
    reasons: ReasonTables = ReasonTables()
    sorting: Sorting = Sorting()
    assessment: Assessment = Assessment()
    investigating: Investigating = Investigating()
    intervening: Intervening = Intervening()
    life: Life = Life()


def as_json(parameters: Parameters) -> dict[str, Any]:
    """The parameters with their indices spelled out, as written beside the truth."""
    return {
        "synthetic": True,
        "unit": "per child and year of 365.25 days; stays in whole days",
        "age_groups": ["0-2", "3-5", "6-8", "9-11", "12-14", "15-17"],
        "sex": ["girl", "boy"],
        "reasons": list(REASONS),
        "reform": "2025-07-01",
        **asdict(parameters),
    }
