"""Projections: timelines, links, spells, coverage, snapshots and flow summaries, read from the log."""
