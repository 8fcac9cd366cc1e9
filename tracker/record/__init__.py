"""Record: decide what a delivery says that the log did not know, and append it."""
