"""Case systems: how each usually delivers, and which of its ids stay the same from export to export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

import yaml


@dataclass(frozen=True)
class SystemProfile:
    """Defaults of one case system; a sidecar wins over them.

    ``encoding`` and ``delimiter`` (of text files) only break ties; the content is looked at first.
    """

    name: str
    stable_ids: bool = False
    stable_child_ids: bool = False
    encoding: str = ""
    delimiter: str = ""


@cache
def load_systems() -> Mapping[str, SystemProfile]:
    """Profiles by case-folded system name."""
    text = resources.files("tracker.intake").joinpath("systems.yaml").read_text(encoding="utf-8")
    profiles = [SystemProfile(name, **fields) for name, fields in yaml.safe_load(text).items()]
    return MappingProxyType({profile.name.casefold(): profile for profile in profiles})


def profile(name: str) -> SystemProfile | None:
    """The profile of a system, whatever the case of its name; None for one we do not know."""
    return load_systems().get(name.strip().casefold())
