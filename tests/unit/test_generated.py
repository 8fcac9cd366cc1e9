"""What is generated and committed is what the code says today."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.generate import documents


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_a_generated_document_is_current(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == documents()[path], "run: make generate"
