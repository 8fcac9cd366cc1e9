"""How the facts of each record type are put together from their events.

A fact has one opening event, on whose day it belongs, and may have later ones. Codes are read from the
named codebook by the wording in the event body.
"""

from __future__ import annotations

from dataclasses import dataclass

from tracker.domain.events import EventType


@dataclass(frozen=True)
class Code:
    """A field read through a codebook; ``several`` when one cell may hold several codes."""

    codebook: str
    several: bool = False


@dataclass(frozen=True)
class Plain:
    """A field taken as it stands, with its SQL type."""

    sql_type: str


Field = Code | Plain
TEXT, DATE, INTEGER, NUMBER, TEXTS = (
    Plain(name) for name in ("VARCHAR", "DATE", "INTEGER", "DOUBLE", "VARCHAR[]")
)


@dataclass(frozen=True)
class Part:
    """One event of a fact: its type, the name its day gets, its fields."""

    event_type: EventType
    day: str
    fields: dict[str, Field]


@dataclass(frozen=True)
class Facts:
    """The facts of one record type: the event that makes them, and those that may follow."""

    record_type: str
    opening: Part
    later: tuple[Part, ...] = ()

    @property
    def codes(self) -> dict[str, Code]:
        """The fields with a codebook, in order."""
        fields = {name: field for part in (self.opening, *self.later) for name, field in part.fields.items()}
        return {name: field for name, field in fields.items() if isinstance(field, Code)}


_PERSON: dict[str, Field] = {"sex": Code("sex"), "birth_date": DATE, "age": INTEGER}
_REASONS = Code("referral_reason", several=True)
_E = EventType

REFERRALS = Facts(
    "referrals",
    Part(
        _E.REFERRAL_RECEIVED,
        "received_on",
        _PERSON
        | {
            "referral_type": Code("referral_type"),
            "reasons": _REASONS,
            "referrer": Code("referrer"),
            "referral_id": TEXT,
            "case_id": TEXT,
        },
    ),
    (
        Part(
            _E.REFERRAL_CONCLUDED,
            "concluded_on",
            {"action": Code("referral_action"), "investigation_id": TEXT},
        ),
    ),
)

INVESTIGATIONS = Facts(
    "investigations",
    Part(
        _E.INVESTIGATION_OPENED,
        "opened_on",
        _PERSON
        | {
            "investigation_id": TEXT,
            "referral_ids": TEXTS,
            "case_id": TEXT,
            "reasons": _REASONS,
            "known_before": Code("yes_no"),
        },
    ),
    (
        Part(
            _E.INVESTIGATION_CLOSED,
            "closed_on",
            {"need": Code("need"), "outcome": Code("investigation_outcome")},
        ),
    ),
)

_CONDUCT = (
    *("child_talks", "child_alone", "observations", "interpreter", "info_educational", "info_medical"),
    *("info_psychosocial", "info_psychological", "info_dental", "child_wishes"),
)
ASSESSMENTS = Facts(
    "assessments",
    Part(
        _E.INVESTIGATION_CLOSED,
        "closed_on",
        {
            "guardian_talks": Code("number_of_talks"),
            **dict.fromkeys(_CONDUCT, Code("yes_no")),
            **{f"r{number:02d}": Code("risk_factor_value") for number in range(1, 31)},
            **{f"p{number}": Code("protective_factor_value") for number in range(1, 8)},
        },
    ),
)
"""What a closed investigation says of how it was conducted and of risk and protective factors."""

INTERVENTIONS = Facts(
    "interventions",
    Part(
        _E.DECISION_MADE,
        "decided_on",
        _PERSON
        | {
            "intervention_type": Code("intervention_type"),
            "legal_basis": Code("legal_basis"),
            "granted": Code("granted"),
            "guardian_consent": Code("consent"),
            "child_consent": Code("consent"),
            "intervention_id": TEXT,
            "investigation_id": TEXT,
            "case_id": TEXT,
        },
    ),
    (
        Part(_E.INTERVENTION_STARTED, "started_on", {}),
        Part(_E.INTERVENTION_ENDED, "ended_on", {"end_reason": Code("end_reason")}),
    ),
)

FOLLOW_UPS = Facts(
    "follow_ups",
    Part(
        _E.FOLLOW_UP_HELD,
        "held_on",
        {
            "intervention_id": TEXT,
            "goal_attainment": Code("goal_attainment"),
            "situation": Code("situation"),
            "result": Code("follow_up_result"),
        },
    ),
)

OPEN_SUPPORT = Facts(
    "open_support",
    Part(
        _E.OPEN_SUPPORT_STARTED,
        "started_on",
        {
            "sex": Code("sex"),
            "age": INTEGER,
            "support_type": Code("open_support_type"),
            "provider": Code("provider"),
            "living_arrangement": Code("living_arrangement"),
            "caregiver_sex": Code("caregiver_sex"),
            "interpreter": Code("yes_no"),
        },
    ),
    (Part(_E.OPEN_SUPPORT_ENDED, "ended_on", {"result": Code("follow_up_result")}),),
)

OPEN_SUPPORT_COUNTS = Facts(
    "open_support_counts",
    Part(
        _E.OPEN_SUPPORT_COUNTED,
        "month",
        {
            "support_type": Code("open_support_type"),
            "sex": Code("sex"),
            "age_group": Code("age_group"),
            "started": INTEGER,
        },
    ),
)

CHILD_FACTS = Facts(
    "child_facts",
    Part(_E.CHILD_FACT_RECORDED, "known_on", {"fact": Code("child_fact"), "value": Code("child_fact_value")}),
)

MUNICIPALITY_FACTS = Facts(
    "municipality_facts",
    Part(
        _E.MUNICIPALITY_FACT_RECORDED,
        "year",
        {
            "population_0_17": INTEGER,
            "population_0_20": INTEGER,
            "population": INTEGER,
            "size_class": Code("size_class"),
            "staff": NUMBER,
        },
    ),
)

ALL_FACTS = (
    REFERRALS,
    INVESTIGATIONS,
    INTERVENTIONS,
    FOLLOW_UPS,
    OPEN_SUPPORT,
    OPEN_SUPPORT_COUNTS,
    CHILD_FACTS,
    MUNICIPALITY_FACTS,
)
