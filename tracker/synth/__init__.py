"""Synthetic municipalities: children simulated from a known process, written as the mess that is sent.

``generate(out, plan, seed, progress)`` writes ``out/inbox`` (what municipalities would deliver),
``out/truth`` (what a correct system must arrive at) and ``out/manifest.json``. Everything says that it
is synthetic; ``reexport`` writes the same content again as a nightly export would. National ids
come only from the tax agency's test series (serials 980–999).
"""

from tracker.synth.generate import generate
from tracker.synth.plan import Plan
from tracker.synth.reexport import reexport
from tracker.synth.truth import Truth

__all__ = ["Plan", "Truth", "generate", "reexport"]
