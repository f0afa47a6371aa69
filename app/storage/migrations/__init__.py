"""Alembic migrations; run by `crossdock init` and `demo` only."""
