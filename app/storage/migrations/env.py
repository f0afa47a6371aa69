"""Alembic's entry: migrates over the connection it is given."""

from typing import Any

from alembic import context

from app.storage.tables import METADATA

OURS = "cd_"


def include_name(name: str | None, kind: str, _parent: Any) -> bool:
    """The engine's tables live beside ours on SQLite; they are its own business."""
    return kind != "table" or (name or "").startswith(OURS)


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    include_name=include_name,
    render_as_batch=True,
    compare_type=True,
)

with context.begin_transaction():
    context.run_migrations()
