"""Rows: one file a noun. Nothing here decides; flows do."""
