"""The operators' page: what needs a person now, and what happened, in charts with their tables."""
