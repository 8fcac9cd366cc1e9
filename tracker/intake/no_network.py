"""A process cuts itself, and whatever it starts, off from every network. Linux; nothing is needed but ctypes.

A seccomp filter refuses to make sockets of any kind, and rings of io_uring, which could make them. Where
there is no such filter, a network namespace of its own holds nothing but a loopback that is down. Sockets the
process has already, and pairs of them, go on working. See seccomp(2), namespaces(7).
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Callable

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2

_ARCHITECTURES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""Machine → (its number in the audit system, its number of the system call ``socket``)."""
_IO_URING_SETUP = 425
_FOREIGN_CALLS = 0x40000000
"""System calls from this number on are those of x32, which number ``socket`` otherwise."""

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EACCES


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def cut_off() -> bool:
    """Cut this process off; whether that was possible. It must have one thread only."""
    library = ctypes.CDLL(None, use_errno=True)
    ways: tuple[Callable[[ctypes.CDLL], bool], ...] = (_filtered, _own_network, _own_user_and_network)
    return any(way(library) for way in ways)


def _own_network(library: ctypes.CDLL) -> bool:
    return bool(library.unshare(_NEW_NETWORK) == 0)


def _own_user_and_network(library: ctypes.CDLL) -> bool:
    return bool(library.unshare(_NEW_USER | _NEW_NETWORK) == 0)


def _filtered(library: ctypes.CDLL) -> bool:
    if os.uname().machine not in _ARCHITECTURES:
        return False
    code = _filter(*_ARCHITECTURES[os.uname().machine])
    program = _Program(len(code) // 8, code)
    held = library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
    return bool(held and library.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program)) == 0)


def _filter(architecture: int, socket_call: int) -> bytes:
    """The filter as instructions of the classic BPF; the third and fourth field are how many to skip."""
    instructions = (
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 0, 5, architecture),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_AT_LEAST, 3, 0, _FOREIGN_CALLS),
        (_EQUAL, 2, 0, _IO_URING_SETUP),
        (_EQUAL, 1, 0, socket_call),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    )
    return b"".join(struct.pack("=HBBI", *one) for one in instructions)
