"""Terms of a regression become the columns of its design matrix, named as people read them.

A term is a column («sex») or a product of columns («sex:age_group»). Columns of numbers enter as they are;
all others are categories, each level but the reference an indicator named «sex: boy». In a product a column
of categories has an indicator for every level unless the product without it is in the model too (or is
absorbed by the strata), which is the rule of marginality that R's ``model.matrix`` follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from tracker.domain.errors import EstimateError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Factor:
    """A column as it enters: ``levels`` with the reference first, none when it is a number."""

    name: str
    levels: tuple[object, ...] = ()

    def labels(self, contrasts: bool) -> list[str]:
        """Names of its columns."""
        if not self.levels:
            return [self.name]
        return [f"{self.name}: {level}" for level in self.levels[int(contrasts) :]]

    def columns(self, frame: pd.DataFrame, contrasts: bool) -> Floats:
        """Its columns for the rows of a frame; raises EstimateError for a level the model has not seen."""
        values = frame[self.name]
        if values.isna().any():
            raise EstimateError(
                f"Covariates must be known: «{self.name}» is missing in {int(values.isna().sum())} of "
                f"{len(values)} rows; give the unknown a category of its own or leave those rows out."
            )
        if not self.levels:
            return _numbers(values)[:, None]
        code = pd.Index(self.levels).get_indexer(pd.Index(values.astype(object)))
        if (code < 0).any():
            unseen = values[code < 0].iloc[0]
            raise EstimateError(f"«{self.name}» has no level «{unseen}» in the model.")
        return np.eye(len(self.levels))[code][:, int(contrasts) :]


def _numbers(values: pd.Series) -> Floats:
    numbers: Floats = values.to_numpy(float)
    if not np.isfinite(numbers).all():
        raise EstimateError(f"Covariates are finite numbers: «{values.name}» is not.")
    return numbers


@dataclass(frozen=True)
class Design:
    """The columns of a regression: ``terms`` as products of factors, each with how its factors are coded."""

    terms: tuple[str, ...]
    parts: tuple[tuple[tuple[Factor, bool], ...], ...]

    @property
    def variables(self) -> tuple[str, ...]:
        """The columns of data it needs."""
        return tuple(dict.fromkeys(factor.name for parts in self.parts for factor, _ in parts))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its columns."""
        return tuple(name for parts in self.parts for name in _product_names(parts))

    @property
    def of_term(self) -> tuple[int, ...]:
        """For each column the number of its term."""
        return tuple(i for i, parts in enumerate(self.parts) for _ in _product_names(parts))

    def matrix(self, frame: pd.DataFrame) -> Floats:
        """The design matrix of the rows of a frame [N, P]."""
        if missing := [name for name in self.variables if name not in frame.columns]:
            raise EstimateError(f"Covariates of the model are missing: {', '.join(missing)}.")
        columns = [_product(frame, parts) for parts in self.parts]
        return np.concatenate([np.empty((len(frame), 0)), *columns], axis=1)


def design(
    patterns: pd.DataFrame,
    terms: str | Sequence[str],
    reference: Mapping[str, object] | None = None,
    absorbed: Sequence[str] = (),
) -> Design:
    """The design of terms, its levels those that occur in the patterns.

    ``terms``: a list or one string with +. ``reference``: the reference level by column; otherwise the first
    of an ordered list of categories, or the first in order of name. ``absorbed``: columns of the strata.
    Raises EstimateError for unknown columns, terms given twice and references that do not occur.
    """
    named = term_list(terms)
    products = [tuple(term.split(":")) for term in named]
    sets = [frozenset(product) for product in products]
    if len(set(sets)) < len(sets) or any(len(set(product)) < len(product) for product in products):
        raise EstimateError(f"Each term is given once: {', '.join(named)}.")
    present = {*sets, frozenset(), *(frozenset([name]) for name in absorbed)}
    wanted = dict.fromkeys(name for product in products for name in product)
    if unknown := [name for name in wanted if name not in patterns.columns]:
        raise EstimateError(f"No column for {', '.join(unknown)}; there are {', '.join(patterns.columns)}.")
    if reference and (extra := [name for name in reference if name not in wanted]):
        raise EstimateError(f"References are given for columns that are in no term: {', '.join(extra)}.")
    factors = {name: _factor(patterns[name], (reference or {}).get(name)) for name in wanted}
    parts = tuple(
        tuple((factors[name], frozenset(product) - {name} in present) for name in product)
        for product in products
    )
    return Design(named, parts)


def term_list(terms: str | Sequence[str]) -> tuple[str, ...]:
    """The terms asked for: a list, or one string with +."""
    listed = terms.split("+") if isinstance(terms, str) else list(terms)
    return tuple(":".join(part.strip() for part in term.split(":")) for term in listed if term.strip())


def _factor(values: pd.Series, reference: object) -> Factor:
    name = str(values.name)
    if isinstance(values.dtype, pd.CategoricalDtype):
        seen = set(values.dropna().unique())
        levels = [level for level in values.cat.categories if level in seen]
    elif is_numeric_dtype(values.dtype) and not is_bool_dtype(values.dtype):
        if reference is not None:
            raise EstimateError(f"«{name}» is a number and has no reference level «{reference}».")
        return Factor(name)
    else:
        levels = sorted(values.dropna().unique(), key=str)
    if reference is not None and reference not in levels:
        raise EstimateError(f"The reference «{reference}» does not occur in «{name}».")
    if len(levels) < 2:
        raise EstimateError(f"«{name}» has one level only ({levels}): there is nothing to compare.")
    first = levels[0] if reference is None else reference
    return Factor(name, (first, *(level for level in levels if level != first)))


def _product_names(parts: tuple[tuple[Factor, bool], ...]) -> list[str]:
    names = [""]
    for factor, contrasts in parts:
        names = [f"{a} × {b}" if a else b for a in names for b in factor.labels(contrasts)]
    return names


def _product(frame: pd.DataFrame, parts: tuple[tuple[Factor, bool], ...]) -> Floats:
    product = np.ones((len(frame), 1))
    for factor, contrasts in parts:
        columns = factor.columns(frame, contrasts)
        product = (product[:, :, None] * columns[:, None, :]).reshape(len(frame), -1)
    return product
