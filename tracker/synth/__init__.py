"""Synth: synthetic municipalities with a known truth. No real child's number is ever made."""
