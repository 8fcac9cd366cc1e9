"""Simulations: intervals hold the truth as often as they say, tests reject as seldom as they say."""
