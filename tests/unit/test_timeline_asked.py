"""Asking for a timeline by what is no subject id."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracker.desk.timelines import show
from tracker.domain.errors import UsageError
from tracker.settings import Settings
from tracker.wiring import Installation

MISTYPED = ["", "nosuch", "0b6f4c3e", "161127-9801"]


@pytest.mark.parametrize("typed", MISTYPED)
def test_what_is_no_subject_id_is_told_and_not_repeated(typed: str, tmp_path: Path) -> None:
    place = Installation(Settings(home=tmp_path), "postgresql://nowhere.invalid/none")
    with pytest.raises(UsageError, match="--lookup") as told:
        show(typed, place, 0)
    assert not typed or typed not in str(told.value).replace("0b6f4c3e-…", "")
