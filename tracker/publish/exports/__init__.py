"""Exports for a project of research: rows of persons under ids that are the project's own.

``material`` reads a snapshot (through a cohort) and gives everyone the project's ids; ``spells``, ``msdata``,
``timeline``, ``event_log``, ``meds`` and ``flow`` each make the tables of one form; ``tables`` gives every
column its label and codes (``columns.csv``, ``levels.csv`` and the codebooks); ``formats`` writes tables;
``writing`` makes the folder. An export is personal data under pseudonym and not disclosure-controlled.
"""
