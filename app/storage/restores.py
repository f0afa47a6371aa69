"""That this database was restored: what was taken up after the backup and is not in it may come again."""

from datetime import datetime

from sqlalchemy import func
from sqlmodel import Field, Session, col, select

from app.storage.base import Row, UtcDateTime, new_id


class RestoreRow(Row, table=True):
    """`taken_at` is the moment whose state was restored at `at`."""

    __tablename__ = "cd_restores"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    at: datetime = Field(sa_type=UtcDateTime)
    taken_at: datetime = Field(sa_type=UtcDateTime)


_NEWEST = select(func.max(col(RestoreRow.at)))


def newest(session: Session) -> datetime | None:
    """When a backup was last put in place here.

    For a while after it an order that arrives may be one that was taken, delivered and forgotten."""
    return session.exec(_NEWEST).one()
