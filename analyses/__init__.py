"""One folder per research question; ``tracker analyse NAME`` runs it. ``tracker.desk.analyses`` says how."""
