"""Municipalities: the register of Swedish municipalities, with Statistics Sweden's four-digit codes."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType


@cache
def municipalities() -> Mapping[str, str]:
    """Name by code (text, four digits) of the 290 municipalities, in code order."""
    text = resources.files("tracker.intake").joinpath("municipalities.csv").read_text(encoding="utf-8")
    return MappingProxyType({row["code"]: row["name"] for row in csv.DictReader(text.splitlines())})


def code_named(name: str) -> str:
    """The code of a municipality by name (``Göteborg``, ``Göteborgs stad``, ``Habo kommun``), or ''."""
    bare = _ADDITION.sub("", name.strip().casefold())
    return _codes_by_name().get(bare) or _codes_by_name().get(bare.removesuffix("s"), "")


_ADDITION = re.compile(r"\s+(?:kommun|stad)\Z")


@cache
def _codes_by_name() -> Mapping[str, str]:
    return MappingProxyType({name.casefold(): code for code, name in municipalities().items()})
