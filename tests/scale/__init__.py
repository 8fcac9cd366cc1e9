"""Checks of scale-out that need more than ``make test`` installs; run by hand."""
