"""The stamp of figures read from a snapshot: what has to stand beside them wherever they are shown."""

from __future__ import annotations

from importlib.metadata import version

from tracker.projections.snapshot import Manifest


def stamp_of(manifest: Manifest, definition: str, **told: str) -> dict[str, str]:
    """Where figures come from and by which definition; ``told`` says what else they rest on."""
    return {
        "position": str(manifest.position),
        "as_of": manifest.recorded_at_max or "",
        "codebook": manifest.codebook,
        "definition": definition,
        "software": f"tracker {version('tracker')}",
        "disclosure": manifest.disclosure,
        "synthetic": "yes" if manifest.synthetic else "no",
        **told,
        "chain": manifest.chain,
        "rules": manifest.rules,
        "erasures": str(manifest.erasures),
        "snapshot_software": manifest.software,
    }
