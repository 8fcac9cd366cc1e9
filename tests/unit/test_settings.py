"""Settings: one place, read once, and a typing error is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracker.domain.errors import UsageError
from tracker.settings import Settings


def test_everything_lies_under_the_home_by_default() -> None:
    settings = Settings.from_environment({})
    assert settings.home == Path.cwd() / ".tracker"
    assert {settings.inbox.parent, settings.outbox.parent, settings.store.parent} == {settings.home}
    assert settings.postgres == settings.home / "postgres"
    assert settings.database_url == ""
    assert settings.hold_share == 0.05
    assert settings.workers >= 1


def test_variables_win() -> None:
    settings = Settings.from_environment(
        {
            "TRACKER_HOME": "/srv/t",
            "TRACKER_INBOX": "/in",
            "TRACKER_HOLD_SHARE": "0.2",
            "TRACKER_WORKERS": "3",
        }
    )
    assert (settings.home, settings.inbox, settings.keys) == (
        Path("/srv/t"),
        Path("/in"),
        Path("/srv/t/keys"),
    )
    assert (settings.hold_share, settings.workers) == (0.2, 3)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("TRACKER_WORKERS", "0", "whole number above 0"),
        ("TRACKER_WORKERS", "many", "whole number above 0"),
        ("TRACKER_HOLD_SHARE", "5 %", "between 0 and 1"),
        ("TRACKER_HOLD_SHARE", "nan", "between 0 and 1"),
        ("TRACKER_HOLD_SHARE", "5", "between 0 and 1"),
        ("TRACKER_DATABSE_URL", "postgresql://x", "unknown setting TRACKER_DATABSE_URL"),
    ],
)
def test_what_cannot_be_meant_is_refused(name: str, value: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        Settings.from_environment({name: value})


def test_settings_of_tests_and_of_others_are_let_be() -> None:
    Settings.from_environment({"TRACKER_TEST_DATABASE_URL": "postgresql://x", "PATH": "/bin"})


def test_the_password_is_not_shown() -> None:
    settings = Settings.from_environment({"TRACKER_DATABASE_URL": "postgresql://a:secret@h/d"})
    assert "secret" not in repr(settings)
