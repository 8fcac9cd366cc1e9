"""Where an identity could lie: cells of a database, files, workbooks, Parquet, what comes and goes."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import psycopg
import pyarrow.parquet as pq
from psycopg import sql

from tests.e2e.canaries import Canaries

Found = dict[str, set[str]]
"""Where something was found → the places it was planted."""


def in_database(url: str, canaries: Canaries) -> Found:
    """Search every column of every table, whoever owns it, as text."""
    found: Found = {}
    for name, row in cells_of(url):
        if places := canaries.in_text(row):
            found.setdefault(name, set()).update(places)
    return found


def cells_of(url: str) -> Iterator[tuple[str, str]]:
    """Table and text of each row in a database."""
    relations = """
        SELECT pg_get_userbyid(c.relowner), n.nspname, c.relname
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'm', 'v') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
        AND NOT starts_with(n.nspname, 'pg_temp')"""
    with psycopg.connect(url) as connection:
        for owner, schema, name in connection.execute(relations).fetchall():
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner)))
            query = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(schema, name))
            for (row,) in connection.execute(query):
                yield f"{schema}.{name}", row


def in_folder(folder: Path, canaries: Canaries) -> Found:
    """Search names and contents below a folder; workbooks unpacked, Parquet decoded."""
    found: Found = {}
    for path in sorted(folder.rglob("*")):
        places = canaries.in_text(path.name)
        if path.is_file() and not path.is_symlink():
            places |= in_content(path.read_bytes(), canaries)
        if places:
            found[str(path.relative_to(folder))] = places
    return found


def in_content(content: bytes, canaries: Canaries) -> set[str]:
    """Search a file's bytes, and what is packed in them."""
    places = canaries.in_bytes(content)
    if content.startswith(b"PK"):
        places |= _in_zip(content, canaries)
    elif content.startswith(b"PAR1"):
        table = pq.read_table(io.BytesIO(content))
        places |= canaries.in_text(str(table.schema))
        for column in table.columns:
            places |= canaries.in_text("\n".join(map(str, column.to_pylist())))
    else:
        places |= canaries.in_text(content.decode("utf-8", "replace"))
    return places


def _in_zip(content: bytes, canaries: Canaries) -> set[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = [(name, archive.read(name)) for name in archive.namelist()]
    except zipfile.BadZipFile:
        return set()
    texts = [text for name, part in parts for text in (name, part.decode("utf-8", "replace"))]
    return {place for text in texts for place in canaries.in_text(text)}


class Watch:
    """Reads whatever files appear in a folder while it is watched, however briefly they are there."""

    def __init__(self, folder: Path, canaries: Canaries) -> None:
        self.folder, self.canaries = folder, canaries
        self.found: Found = {}
        self.seen: dict[Path, tuple[int, int]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            try:
                for path in self.folder.rglob("*"):
                    self._look(path)
            except OSError:  # a folder went away under the walk
                continue

    def _look(self, path: Path) -> None:
        try:
            status = path.lstat()
            if self.seen.get(path) == (status.st_mtime_ns, status.st_size) or not path.is_file():
                return
            self.seen[path] = (status.st_mtime_ns, status.st_size)
            places = self.canaries.in_bytes(path.read_bytes())
        except OSError:  # gone again
            return
        if places:
            self.found.setdefault(str(path), set()).update(places)
