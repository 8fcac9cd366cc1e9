"""The vocabulary of the tracker: standard library only (networkx for the chain)."""
