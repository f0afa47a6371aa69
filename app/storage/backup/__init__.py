"""A backup: one file that holds every row, and goes back into either kind of database."""
