"""Who comes back after closing, how soon and how often."""
