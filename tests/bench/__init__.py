"""Speed and memory as ratios measured in one run: ``python -m tests.bench`` (``make bench``).

Nothing here is a test: a miss is said, not raised. All data are synthetic.
"""
