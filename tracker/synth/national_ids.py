"""National ids of nobody: Skatteverket's test series only (serials 980–999), true check digits.

A personal identity number is YYYYMMDD, three serial digits whose last is odd for men and even for
women, and a modulus-10 check digit over the ten-digit form; a co-ordination number adds 60 to the
day. That leaves ten serials for each birth date and sex, twice (as co-ordination numbers); children
beyond those have no national id here and get a local one.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

FIRST_SERIAL = 980
SERIALS_BY_SEX = 10  # 980, 982 … 998 for girls; 981, 983 … 999 for boys

PERSONAL, COORDINATION, LOCAL = "personal", "coordination", "local"


def check_digit(nine: str) -> int:
    """Modulus-10 (Luhn) check digit of YYMMDDNNN."""
    total = 0
    for place, digit in enumerate(nine):
        product = int(digit) * (2 - place % 2)
        total += product // 10 + product % 10
    return -total % 10


def synthetic_number(birth: pd.Timestamp, serial: int, *, coordination: bool) -> str:
    """Twelve digits for a birth date and test serial; raises ValueError outside 980–999."""
    if not FIRST_SERIAL <= serial < FIRST_SERIAL + 2 * SERIALS_BY_SEX:
        raise ValueError(f"serial {serial} is not in the test series 980–999")
    day = birth.day + 60 if coordination else birth.day
    stem = f"{birth.year:04d}{birth.month:02d}{day:02d}{serial}"
    return f"{stem}{check_digit(stem[2:])}"


def assign(
    births: np.ndarray, boys: np.ndarray, rng: np.random.Generator, share_coordination: float
) -> tuple[list[str], np.ndarray]:
    """A unique test number for each child while they last ('' where local), and its kind.

    About ``share_coordination`` get a co-ordination number though a personal one is free; the rest
    take personal numbers first.
    """
    days = pd.DatetimeIndex(births)
    wanted = np.where(rng.random(len(days)) < share_coordination, COORDINATION, PERSONAL)
    frame = pd.DataFrame({"day": days, "boy": boys, "kind": wanted})
    rank = frame.groupby(["day", "boy", "kind"]).cumcount().to_numpy()
    taken = frame.assign(sam=frame.kind.eq(COORDINATION)).groupby(["day", "boy"])["sam"].transform("sum")
    overflow = (frame.kind == PERSONAL).to_numpy() & (rank >= SERIALS_BY_SEX)
    kind = np.where(overflow, COORDINATION, wanted).astype(object)
    place = np.where(overflow, rank - SERIALS_BY_SEX + taken.to_numpy(), rank)
    kind[place >= SERIALS_BY_SEX] = LOCAL
    numbers = [
        ""
        if k == LOCAL
        else synthetic_number(d, FIRST_SERIAL + 2 * int(p) + int(b), coordination=k == COORDINATION)
        for d, b, k, p in zip(days, boys, kind, place, strict=True)
    ]
    return numbers, kind


NOTATIONS = ("YYYYMMDD-NNNN", "YYYYMMDDNNNN", "YYMMDD-NNNN", "YYMMDDNNNN", "YYYYMMDD NNNN")


def written(number: str, notation: str) -> str:
    """A twelve-digit number in one of ``NOTATIONS``."""
    digits = number if notation.startswith("YYYY") else number[2:]
    separator = "" if notation.endswith("DNNNN") else notation[-5]
    return f"{digits[:-4]}{separator}{digits[-4:]}"
