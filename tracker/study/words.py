"""How states, transitions and terms are written when something is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from tracker.domain.errors import UsageError

States = str | Sequence[str]
"""One state, or several."""

Transition = str | tuple[str, str]
"""«referral -> investigation», also with the arrow →, or the two states."""


def states_of(states: States | None) -> tuple[str, ...] | None:
    """The states named; None stays None."""
    return (states,) if isinstance(states, str) else (None if states is None else tuple(states))


def transition_of(transition: Transition) -> tuple[str, str]:
    """The states a transition leaves and enters. Raises UsageError when it names not two."""
    parts = transition.replace("→", "->").split("->") if isinstance(transition, str) else list(transition)
    named = [part.strip() for part in parts]
    if len(named) != 2 or not all(named):
        raise UsageError(f"A transition is written «referral -> investigation»; found «{transition}».")
    return named[0], named[1]
