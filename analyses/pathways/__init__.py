"""Which ways children really take through the chain."""
