"""The signing key is followed by a newer one: what it signed holds, what it signs afterwards does not."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from tracker.domain.errors import KeyringError
from tracker.pseudonymise.signing import SignatureCheck, Signer, remove_older_secrets
from tracker.record.sealed_file import SealedFile, Tampered

PURPOSE = "of a test"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    return tmp_path / "keys"


@pytest.fixture
def sealed(tmp_path: Path) -> SealedFile:
    return SealedFile(tmp_path / "lines.jsonl", PURPOSE)


def said(sealed: SealedFile, keys: Path) -> list[object]:
    return [entry["n"] for entry in sealed.entries(SignatureCheck.open(keys))]


def test_each_line_holds_with_the_key_it_was_signed_by(keys: Path, sealed: SealedFile) -> None:
    sealed.add({"n": 1}, Signer.open_or_make(keys))
    for n in (2, 3):
        newer = Signer.rotate(keys)
        sealed.turn(newer)
        sealed.add({"n": n, "why": 'said "key": 9, and no more'}, Signer.open(keys))
        assert newer.version == n
    assert said(sealed, keys) == [1, 2, 3]
    remove_older_secrets(keys)
    assert sorted(path.name for path in keys.iterdir()) == [
        "sign.1.pub",
        "sign.2.pub",
        "sign.3.key",
        "sign.3.pub",
    ]
    sealed.add({"n": 4}, Signer.open_or_make(keys))
    assert said(sealed, keys) == [1, 2, 3, 4]


def test_an_older_key_signs_nothing_more(keys: Path, sealed: SealedFile) -> None:
    older = Signer.open_or_make(keys)
    sealed.add({"n": 1}, older)
    sealed.turn(Signer.rotate(keys))
    with pytest.raises(KeyringError, match="renewed meanwhile"):
        sealed.add({"n": 2}, older)
    assert said(sealed, keys) == [1]
    told = {"n": 2, "previous": sha256(sealed.path.read_bytes().splitlines(keepends=True)[-1]).hexdigest()}
    message = f"{PURPOSE}\n{json.dumps(told, sort_keys=True)}".encode()
    forged = json.dumps(told | {"signature": older.sign(message).hex()}, sort_keys=True)
    with sealed.path.open("a") as file:
        file.write(forged + "\n")
    with pytest.raises(Tampered, match="line 3 is signed by a key that others had followed"):
        said(sealed, keys)


def test_a_line_that_calls_a_key_newer_is_signed_by_it(keys: Path, sealed: SealedFile) -> None:
    older = Signer.open_or_make(keys)
    sealed.add({"n": 1}, older)
    Signer.rotate(keys)
    sealed.path.write_text(sealed.path.read_text().replace('"n"', '"key"'))
    with pytest.raises(Tampered, match="line 1 is not signed"):
        said(sealed, keys)


def test_a_rotation_interrupted_before_the_public_half_never_was(keys: Path, sealed: SealedFile) -> None:
    sealed.add({"n": 1}, Signer.open_or_make(keys))
    (keys / "sign.2.key").write_text("half")
    assert Signer.open(keys).version == 1
    sealed.turn(Signer.rotate(keys))
    assert Signer.open(keys).version == 2
    assert said(sealed, keys) == [1]


@pytest.mark.parametrize("name", ["sign.1.pub", "sign.2.key"])
def test_a_key_that_is_needed_and_gone_is_named(keys: Path, name: str) -> None:
    Signer.open_or_make(keys)
    Signer.rotate(keys)
    (keys / name).unlink()
    with pytest.raises(KeyringError, match=name):
        Signer.rotate(keys)


def test_keys_are_readable_by_their_owner_only(keys: Path) -> None:
    Signer.open_or_make(keys)
    Signer.rotate(keys)
    assert (keys / "sign.2.key").stat().st_mode & 0o777 == 0o600
    assert "secret" not in repr(Signer.open(keys)).lower()
