"""``python -m tests.coverage [replications]``: every simulation of this folder, as a table each.

A module here is one, if it has ``measure(replications, seed)`` giving rows of what, nominal and rate. ``off``
is how many Monte-Carlo standard errors the rate lies from its nominal value.
"""

import importlib
import pkgutil
import sys

import numpy as np
import pandas as pd

import tests.coverage

SEED = 20_261_122


def main(replications: int) -> None:
    names = [module.name for module in pkgutil.iter_modules(tests.coverage.__path__)]
    for name in names:
        if name.startswith(("_", "test_")):
            continue
        found = importlib.import_module(f"tests.coverage.{name}")
        if hasattr(found, "measure"):
            table: pd.DataFrame = found.measure(replications, SEED)
            error = np.sqrt(table["nominal"] * (1 - table["nominal"]) / table["replications"])
            print(f"\n{name}")
            print(
                table.assign(off=((table["rate"] - table["nominal"]) / error).round(1)).to_string(index=False)
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
