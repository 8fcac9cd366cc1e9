"""Wiring: joins the pipeline to a database, keys and files. The only place that knows where things are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from tracker.domain.errors import KeyringError
from tracker.harmonise.codebook import Codebooks
from tracker.intake.raw import Limits
from tracker.intake.store import Store
from tracker.pipeline import OpenTools, Tools
from tracker.postgres.decisions import PostgresDecisions
from tracker.postgres.embedded import EmbeddedServer
from tracker.postgres.event_log import PostgresLog
from tracker.postgres.vault import PostgresVault
from tracker.pseudonymise.keyring import Keyring
from tracker.record.anchors import Anchors
from tracker.record.erasures import ErasureLedger
from tracker.settings import Settings
from tracker.telling import set_up

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Installation:
    """A running installation: its settings and the URL of its database, schema checked."""

    settings: Settings
    url: str

    def tools(self) -> OpenTools:
        """Makes the pipeline's tools, here or in a worker process."""
        return partial(open_tools, self.settings, self.url)

    def decisions(self) -> PostgresDecisions:
        """The steward's decisions."""
        return PostgresDecisions(self.url)

    def anchors(self) -> Anchors:
        """Heads anchored outside the database."""
        return Anchors(self.settings.anchors)

    def erasure_ledger(self) -> ErasureLedger:
        """Erasures as kept outside the database."""
        return ErasureLedger(self.settings.anchors)

    def codebooks(self) -> Codebooks:
        """The codebooks with the steward's decisions laid over them."""
        return Codebooks.load(self.decisions().decisions())


def database_url(settings: Settings) -> str:
    """The database: the server named in the settings, else the embedded one, started if need be."""
    set_up(settings.log, settings.log_file)
    return settings.database_url or EmbeddedServer(settings.postgres).start()


def open_installation(settings: Settings) -> Installation:
    """The installation these settings name; raises ``SchemaMismatch`` before its schema is current."""
    from tracker.postgres.schema import require_current  # noqa: PLC0415 - workers do without Alembic

    url = database_url(settings)
    require_current(url)
    return Installation(settings, url)


def keyring(settings: Settings) -> Keyring:
    """The keys; raises ``KeyringError`` with the command that makes them when there are none."""
    if not settings.keys.exists():
        raise KeyringError(
            f"there are no keys in {settings.keys}; put the sealed copy there, or, in a new installation, "
            "make them with: tracker key new"
        )
    return Keyring.open(settings.keys)


def open_tools(settings: Settings, url: str) -> Tools:
    """The pipeline's tools for a database and the keys of these settings."""
    set_up(settings.log, settings.log_file)
    keys = keyring(settings)
    return Tools(
        log=PostgresLog(url),
        vault=PostgresVault(url, keys.identities),
        keyring=keys,
        store=Store(settings.store, keys.store_keys),
        limits=limits(settings),
        hold_share=settings.hold_share,
    )


def limits(settings: Settings) -> Limits:
    """How large a file may be and how much its reader may take."""
    return Limits(
        file_size=settings.file_limit_mb * MEGABYTE,
        inflated=settings.inflated_limit_mb * MEGABYTE,
        memory=settings.reader_memory_mb * MEGABYTE,
        cpu_seconds=settings.reader_seconds,
        wall_seconds=2 * settings.reader_seconds,
    )
