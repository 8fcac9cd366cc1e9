"""Pseudonymise: national ids exist only in here; what leaves is a random subject id."""
