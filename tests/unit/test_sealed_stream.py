"""Sealed streams: what was written comes back, and nothing else opens."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.domain.errors import CheckFailed, KeyringError
from tracker.pseudonymise.operator_key import PUBLIC, make_operator_key, open_key, seal_key
from tracker.pseudonymise.sealed_stream import CHUNK, OpeningReader, SealingWriter

KEY = bytes(range(32))
SEALED_CHUNK = CHUNK + 16


def sealed(*parts: bytes, key: bytes = KEY) -> bytes:
    target = io.BytesIO()
    writer = SealingWriter(target, key)
    for part in parts:
        writer.write(part)
    writer.finish()
    return target.getvalue()


def opened(content: bytes, key: bytes = KEY) -> bytes:
    return OpeningReader(io.BytesIO(content), key, "x").readall()


LENGTHS = st.one_of(
    st.integers(0, 100), st.sampled_from([CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 7])
)


@settings(max_examples=40)
@given(lengths=st.lists(LENGTHS, max_size=4))
def test_what_was_written_comes_back_however_it_was_cut(lengths: list[int]) -> None:
    parts = [bytes([number + 1]) * length for number, length in enumerate(lengths)]
    assert opened(sealed(*parts)) == b"".join(parts)
    assert sealed(*parts) == sealed(b"".join(parts))


@settings(max_examples=60)
@given(data=st.data())
def test_any_byte_changed_or_cut_off_is_found(data: st.DataObject) -> None:
    whole = sealed(bytes(2 * CHUNK + 100))
    place = data.draw(st.integers(0, len(whole) - 1))
    flipped = whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :]
    for wrong in (flipped, whole[:place], whole + b"\0"):
        with pytest.raises(CheckFailed, match="damaged or cut off"):
            opened(wrong)


def test_chunks_stand_in_their_order_and_only_there() -> None:
    whole = sealed(b"a" * CHUNK + b"b" * CHUNK + b"c")
    first, second, last = (
        whole[:SEALED_CHUNK],
        whole[SEALED_CHUNK : 2 * SEALED_CHUNK],
        whole[2 * SEALED_CHUNK :],
    )
    assert opened(first + second + last)
    for wrong in (second + first + last, first + last, first + first + second + last, first + second):
        with pytest.raises(CheckFailed):
            opened(wrong)


def test_nothing_of_a_chunk_is_given_out_before_it_is_found_genuine() -> None:
    whole = bytearray(sealed(b"a" * CHUNK + b"b" * 10))
    whole[-1] ^= 1
    reader = OpeningReader(io.BytesIO(bytes(whole)), KEY, "x")
    assert reader.read(CHUNK) == b"a" * CHUNK
    with pytest.raises(CheckFailed, match="chunk 2"):
        reader.read(1)


def keys_at(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_the_secret_opens_what_the_public_half_sealed_and_files_have_keys_of_their_own(
    tmp_path: Path,
) -> None:
    keys, secret = keys_at(tmp_path / "keys"), tmp_path / "elsewhere.key"
    make_operator_key(keys, secret)
    assert secret.stat().st_mode & 0o777 == 0o600
    one, told = seal_key(keys)
    other, _ = seal_key(keys)
    again = open_key(secret, told)
    assert again.of_file("a") == one.of_file("a") != one.of_file("b")
    assert one.of_file("a") != other.of_file("a"), "each backup has a key of its own"
    assert secret.read_text().strip() not in repr((one, told, (keys / PUBLIC).read_text()))


def test_another_secret_is_refused_by_name(tmp_path: Path) -> None:
    make_operator_key(keys_at(tmp_path / "one"), tmp_path / "one.key")
    make_operator_key(keys_at(tmp_path / "two"), tmp_path / "two.key")
    _, told = seal_key(tmp_path / "one")
    with pytest.raises(KeyringError, match="sealed for the key"):
        open_key(tmp_path / "two.key", told)
    with pytest.raises(KeyringError, match="bring it"):
        open_key(tmp_path / "gone.key", told)
    with pytest.raises(KeyringError, match="tracker backup key"):
        seal_key(tmp_path)


def test_keys_are_never_overwritten_nor_laid_beside_what_they_guard(tmp_path: Path) -> None:
    keys = keys_at(tmp_path / "keys")
    with pytest.raises(KeyringError, match="must not lie with the keys"):
        make_operator_key(keys, keys / "backup.key")
    make_operator_key(keys, tmp_path / "a.key")
    with pytest.raises(KeyringError, match="never overwritten"):
        make_operator_key(keys, tmp_path / "b.key")
    assert not (tmp_path / "b.key").exists()
    (tmp_path / "a.key").chmod(0o640)
    _, told = seal_key(keys)
    with pytest.raises(KeyringError, match="chmod 600"):
        open_key(tmp_path / "a.key", told)
