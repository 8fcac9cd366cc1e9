"""Before and after the Social Services Act of 1 July 2025."""
