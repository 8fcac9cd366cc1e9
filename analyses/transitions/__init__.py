"""Transitions: the two years after a first referral."""
