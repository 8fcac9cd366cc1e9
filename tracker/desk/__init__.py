"""Desk: what people ask of an installation: its operator, its steward, a researcher, a sender."""
