"""The ledger as people see it: what came and went, raw and read."""
