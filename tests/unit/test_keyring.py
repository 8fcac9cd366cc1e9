"""Keys: private files, one purpose each, rotated by nesting."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from datetime import date
from pathlib import Path

import pytest

from tracker.domain.errors import KeyringError
from tracker.pseudonymise.keyring import IdentityKeys, Keyring, Purpose, kind_of
from tracker.pseudonymise.national_id import IdKind, LocalId, NationalId

CHILD = NationalId(IdKind.PNR, "201503319806", date(2015, 3, 31))  # synthetic


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring.create(tmp_path / "keys")


def test_keys_are_private_files(keyring: Keyring) -> None:
    assert stat.S_IMODE(keyring.directory.stat().st_mode) == 0o700
    files = sorted(path.name for path in keyring.directory.iterdir())
    assert files == ["export.1.key", "id.1.key", "reference.1.key", "store.1.key"]
    for path in keyring.directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_opened_again_they_are_the_same_and_made_again_they_are_others(
    keyring: Keyring, tmp_path: Path
) -> None:
    assert Keyring.open(keyring.directory).keys == keyring.keys
    other = Keyring.create(tmp_path / "other")
    assert not {key for keys in other.keys.values() for key in keys} & {
        key for keys in keyring.keys.values() for key in keys
    }


def test_keys_are_never_overwritten(keyring: Keyring) -> None:
    with pytest.raises(KeyringError, match="never overwritten"):
        Keyring.create(keyring.directory)


def test_purposes_have_keys_apart_even_from_one_secret(keyring: Keyring) -> None:
    secret = (keyring.directory / "id.1.key").read_text()
    for purpose in Purpose:
        (keyring.directory / f"{purpose}.1.key").write_text(secret)
    keys = Keyring.open(keyring.directory).keys
    assert len({key for (key,) in keys.values()}) == len(Purpose)
    assert bytes.fromhex(secret) not in {key for (key,) in keys.values()}


def test_derivation_is_hkdf_of_rfc_5869(keyring: Keyring) -> None:
    secret = bytes.fromhex((keyring.directory / "store.1.key").read_text())
    extracted = hmac.digest(bytes(32), secret, hashlib.sha256)
    expanded = hmac.digest(extracted, b"tracker/store/v1\x01", hashlib.sha256)
    assert keyring.store_keys == (expanded,)


def test_what_is_wrong_with_a_key_is_said(keyring: Keyring, tmp_path: Path) -> None:
    path = keyring.directory / "id.1.key"
    good = path.read_text()
    for text, complaint in [("not hex", "not hexadecimal"), ("aabb", "2 bytes"), ("", "0 bytes")]:
        path.write_text(text)
        with pytest.raises(KeyringError, match=complaint):
            Keyring.open(keyring.directory)
    path.write_text(good)
    path.chmod(0o640)
    with pytest.raises(KeyringError, match="chmod 600"):
        Keyring.open(keyring.directory)
    path.unlink()
    with pytest.raises(KeyringError, match=r"id\.1\.key is missing"):
        Keyring.open(keyring.directory)
    with pytest.raises(KeyringError, match="tracker key new"):
        Keyring.open(tmp_path / "nowhere")


def test_a_gap_in_the_versions_is_said(keyring: Keyring) -> None:
    keyring.rotate(Purpose.ID).rotate(Purpose.ID)
    (keyring.directory / "id.2.key").unlink()
    with pytest.raises(KeyringError, match=r"id\.2\.key is missing"):
        Keyring.open(keyring.directory)


def test_an_interrupted_creation_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "keys.new").mkdir()
    (tmp_path / "keys.new" / "id.1.key").touch()
    Keyring.create(tmp_path / "keys")
    assert not (tmp_path / "keys.new").exists()


def test_rotation_nests(keyring: Keyring) -> None:
    old, new = keyring.identities, keyring.rotate(Purpose.ID).identities
    hashed = old.hash(CHILD, "0180", "Treva")
    assert new.version == 2
    assert new.fingerprints[:1] == old.fingerprints
    assert (
        new.hash(CHILD, "0180", "Treva") == new.renew(hashed, 1) == hmac.digest(new.keys[1], hashed, "sha256")
    )
    assert new.renew(hashed, 2) == hashed


def test_hashes_the_log_keeps_cannot_change(keyring: Keyring) -> None:
    for purpose in (Purpose.REFERENCE, Purpose.EXPORT):
        with pytest.raises(KeyringError, match="cannot change"):
            keyring.rotate(purpose)


def test_a_number_hashes_alike_everywhere_and_a_local_id_only_at_home(keyring: Keyring) -> None:
    keys, local = keyring.identities, LocalId("4711")
    places = [("0180", "Treva"), ("0180", "Procura"), ("1480", "Treva")]
    assert len({keys.hash(CHILD, *place) for place in places}) == 1
    assert len({keys.hash(local, *place) for place in places}) == 3
    assert keys.hash(CHILD, "0180", "") == hmac.digest(keys.keys[0], b"pnr:v1:201503319806", "sha256")
    assert keys.hash(local, "0180", "Treva") == hmac.digest(
        keys.keys[0], b"local:v1:0180:Treva:4711", "sha256"
    )
    assert (kind_of(CHILD), kind_of(local)) == (IdKind.PNR, IdKind.LOCAL)


def test_references_are_bound_to_place_and_kind(keyring: Keyring) -> None:
    hashes = {
        keyring.references.hasher(*where)("17")
        for where in [
            ("0180", "Treva", "case_id"),
            ("0180", "Treva", "referral_id"),
            ("0180", "", "case_id"),
            ("1480", "Treva", "case_id"),
        ]
    }
    assert len(hashes) == 4
    assert all(len(hashed) == 32 and int(hashed, 16) for hashed in hashes)


def test_nothing_shows_a_key(keyring: Keyring) -> None:
    shown = repr((keyring, keyring.identities, keyring.references))
    for keys in keyring.keys.values():
        assert not any(key.hex() in shown or repr(key) in shown for key in keys)
    assert IdentityKeys(keys=(b"x" * 32,)).fingerprints[0] not in (b"x" * 32).hex()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_key_is_said(keyring: Keyring) -> None:
    (keyring.directory / "id.1.key").chmod(0)
    with pytest.raises(KeyringError, match="may not be read"):
        Keyring.open(keyring.directory)
