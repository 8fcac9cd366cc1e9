"""Harmonise: cells become typed claims; codebooks say what a delivered wording means."""
