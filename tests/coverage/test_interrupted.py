"""A short, seeded run: intervals of interrupted series hold about as often as their module says."""

from tests.coverage.interrupted import measure


def test_intervals_of_interrupted_series_cover():
    every = measure(60, 20_250_701)
    table = every[~every["what"].str.contains("alone")]
    alone = table[table["what"].str.contains("autocorrelation 0:")]
    related = table[table["what"].str.contains("autocorrelation 0.4")]
    assert alone["rate"].min() >= 0.87 and related["rate"].min() >= 0.80, table
    assert related["rate"].mean() >= 0.88 and table["rate"].mean() < 1, table
