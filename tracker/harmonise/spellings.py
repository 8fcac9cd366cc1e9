"""Delivered spellings: the wordings of deliveries' code columns, counted, for the steward's queue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DeliveredSpelling:
    """A wording as delivered, and how many rows have it, from one municipality and system."""

    codebook: str
    municipality: str
    system: str
    raw: str
    count: int
