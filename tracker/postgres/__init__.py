"""Postgres: the one door to the database."""
