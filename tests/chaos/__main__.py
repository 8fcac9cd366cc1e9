"""``python -m tests.chaos``: injure loads for some twenty minutes; run again, it goes on where it was."""

from __future__ import annotations

import argparse
import signal
import sys
import time

from tests.chaos.results import FOLDER, Results, figures, holds
from tests.chaos.rounds import next_round, perform, planned
from tests.chaos.scene import Scene, open_scene


def main() -> int:
    """Injure what is still to be injured; 0 when every round of this run held."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of everything left to chance")
    parser.add_argument("--share", type=float, default=1, help="of the whole run, such as 0.1")
    parser.add_argument("--only", default="", help="kinds that begin so, such as airflow")
    parser.add_argument("--repeat", type=int, help="a round that did not hold, once more")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is stopped all the same
    results = Results(chosen.seed)
    with open_scene() as scene:
        if chosen.repeat:
            return 0 if _repeat(scene, results, chosen.repeat) else 1
        held = _all(scene, results, chosen.share, chosen.only)
    (FOLDER / "figures.md").write_text(figures(results))
    print(f"\n{figures(results)}\nwritten to {FOLDER / 'figures.md'}")
    return 0 if held else 1


def _all(scene: Scene, results: Results, share: float, only: str) -> bool:
    plan = {name: count if name.startswith(only) else 0 for name, count in planned(share).items()}
    total, begun, at_first, held = sum(plan.values()), time.monotonic(), None, True
    while True:
        number, done = results.next_number(), results.done()
        made = sum(min(count, done[name]) for name, count in plan.items())
        at_first = made if at_first is None else at_first
        names = next_round(done, plan, f"{results.seed}/{number}")
        if not names:
            return held
        left = _remaining(made - at_first, total - made, begun)
        say(f"{made} of {total} injuries; {left}round {number}: {'; '.join(names)}")
        if not _round(scene, results, number, names):
            held = False
            if len({line["round"] for line in results.lines(failed=True)}) >= 5:
                say("five rounds did not hold: stopped")
                return False


def _round(scene: Scene, results: Results, number: int, names: list[str]) -> bool:
    begun = time.monotonic()
    judged = perform(scene, names, f"{results.seed}/{number}")
    expected = scene.undisturbed
    results.add(number, names, judged, time.monotonic() - begun, expected.rows, expected.files)
    if not holds(judged):
        injuries, verdict = judged
        say(f"round {number} DID NOT HOLD: lost {verdict.lost}, doubled {verdict.doubled}")
        for problem in (*verdict.problems, *(f"{one.kind}: {p}" for one in injuries for p in one.problems)):
            say(f"  {problem}")
        say(f"  to repeat: python -m tests.chaos --seed {results.seed} --repeat {number}")
    return holds(judged)


def _repeat(scene: Scene, results: Results, number: int) -> bool:
    names = next(line["planned"] for line in results.lines(failed=True) if line["round"] == number)
    held = _round(scene, results, number, names)
    if held:
        say(f"round {number} held")
    return held


def _remaining(made: int, left: int, begun: float) -> str:
    """How long the rest will take if it goes on like this."""
    if not made:
        return ""
    return f"about {(time.monotonic() - begun) / made * left / 60:.0f} minutes left; "


def say(what: str) -> None:
    """Progress, with the time of day."""
    print(time.strftime("%H:%M:%S"), what, flush=True)


if __name__ == "__main__":
    sys.exit(main())
