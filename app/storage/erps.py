"""The ERPs that orders go to, and the sealed secrets that they are spoken to with."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field

from app.storage.base import Row, UtcDateTime, new_id


class ErpRow(Row, table=True):
    """
    name      as customers' settings and the lanes name it.
    adapter   a key of the bridge's registry; it also says what `settings` holds.
    """

    __tablename__ = "cd_erps"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    name: str = Field(max_length=50)
    adapter: str = Field(max_length=30)
    settings: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    active: bool = True
    created_at: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)

    __table_args__ = (UniqueConstraint("realm", "name"),)


class ErpSecretRow(Row, table=True):
    """A sealed secret with its dates of use; two are valid at once while the ERP changes over."""

    __tablename__ = "cd_erp_secrets"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    erp_id: str = Field(foreign_key="cd_erps.id", ondelete="CASCADE", index=True, max_length=36)
    purpose: str = Field(max_length=50)
    sealed: bytes
    valid_from: datetime = Field(sa_type=UtcDateTime)
    valid_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
