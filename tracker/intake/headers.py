"""Headers: how a delivered header is compared with the names a spec accepts."""

from __future__ import annotations

import re
import unicodedata

_PARENTHESIS = re.compile(r"[(\[].*?[)\]]")
_KEPT = re.compile(r"[^a-z0-9]+")


def fold(header: str) -> str:
    """Letters and digits of a header, lower case, no accents: ``Åtgärds-datum`` → ``atgardsdatum``."""
    decomposed = unicodedata.normalize("NFKD", header).casefold()
    return _KEPT.sub("", decomposed)


def candidates(header: str) -> tuple[str, ...]:
    """Foldings to try, most exact first: the whole header, then without what stands in parentheses."""
    whole, bare = fold(header), fold(_PARENTHESIS.sub(" ", header))
    return (whole,) if bare in {whole, ""} else (whole, bare)
