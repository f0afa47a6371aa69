"""What a customer may still owe us, as the ERP or a person last said."""

from datetime import datetime
from decimal import Decimal

from sqlmodel import Field

from app.storage.base import DecimalText, Row, UtcDateTime


class CreditRow(Row, table=True):
    """`amount`: what was left at `set_at`, orders that came before it already taken off."""

    __tablename__ = "cd_credits"

    customer_id: str = Field(primary_key=True, foreign_key="cd_customers.id", ondelete="CASCADE", max_length=36)
    realm: str = Field(max_length=20)
    amount: Decimal = Field(sa_type=DecimalText)
    currency: str = Field(max_length=3)
    set_at: datetime = Field(sa_type=UtcDateTime)
