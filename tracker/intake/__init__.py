"""Intake: a delivered file becomes an Extract, its columns recognised and nothing interpreted."""
