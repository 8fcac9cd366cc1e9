"""Connections lost on the way: a small TCP proxy of our own between a load and PostgreSQL."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.chaos.injuries import Injury
from tests.chaos.loaders import ended_with_a_sentence
from tests.chaos.scene import Round
from tracker.domain.errors import DatabaseUnavailable

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST, as a firewall does that forgot a connection


class Proxy:
    """Forwards connections to a port on this machine until it is told to drop, halt or refuse them."""

    def __init__(self, port: int) -> None:
        self.target = ("127.0.0.1", port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.open: list[socket.socket] = []
        self.flows = threading.Event()
        self.flows.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def drop(self) -> int:
        """Reset every connection; how many there were."""
        ends, self.open = self.open, []
        for end in ends:
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        return len(ends) // 2

    def refuse(self) -> int:
        """Take no new connection, and reset those there are."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        return self.drop()

    def halt(self) -> None:
        """Forward nothing, and tell nobody."""
        self.flows.clear()

    def resume(self) -> None:
        self.flows.set()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection(self.target)
                self.open += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                self.flows.wait()
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


@contextmanager
def proxied(round_: Round) -> Iterator[tuple[Proxy, str]]:
    """A proxy before the round's server, and the database's URL through it."""
    before, _, name = round_.place.url.rpartition("/")
    login, _, port = before.rpartition(":")
    proxy = Proxy(int(port))
    try:
        yield proxy, f"{login}:{proxy.port}/{name}"
    finally:
        proxy.resume()
        proxy.refuse()


def dropped(round_: Round) -> Injury:
    """All connections are reset; new ones work."""
    with proxied(round_) as (proxy, url):
        ingest = round_.ingest(TRACKER_DATABASE_URL=url)
        moment = round_.wait_for_a_moment(ingest)
        hit = proxy.drop() > 0
        problems = ended_with_a_sentence(ingest, {0, DatabaseUnavailable.exit_code})
    return Injury("connections: dropped", moment, hit, problems)


def refused(round_: Round) -> Injury:
    """All connections are reset, and no new one is taken."""
    with proxied(round_) as (proxy, url):
        ingest = round_.ingest(TRACKER_DATABASE_URL=url)
        moment = round_.wait_for_a_moment(ingest)
        hit = proxy.refuse() > 0
        problems = ended_with_a_sentence(ingest, {0, DatabaseUnavailable.exit_code})
    return Injury("connections: refused", moment, hit, problems)


def halted(round_: Round) -> Injury:
    """Nothing arrives for a while, then everything does: the load waits, and goes on."""
    with proxied(round_) as (proxy, url):
        ingest = round_.ingest(TRACKER_DATABASE_URL=url)
        moment = round_.wait_for_a_moment(ingest)
        hit = bool(proxy.open) and ingest.process.poll() is None
        proxy.halt()
        time.sleep(round_.rng.uniform(0.5, 2))
        proxy.resume()
        problems = ended_with_a_sentence(ingest, {0})
    return Injury("connections: halted", moment, hit, problems)


def halted_and_dropped(round_: Round) -> Injury:
    """Nothing arrives for a while, and then the connections are gone."""
    with proxied(round_) as (proxy, url):
        ingest = round_.ingest(TRACKER_DATABASE_URL=url)
        moment = round_.wait_for_a_moment(ingest)
        proxy.halt()
        time.sleep(round_.rng.uniform(0.2, 1))
        hit = proxy.drop() > 0
        proxy.resume()
        problems = ended_with_a_sentence(ingest, {0, DatabaseUnavailable.exit_code})
    return Injury("connections: halted and dropped", moment, hit, problems)
