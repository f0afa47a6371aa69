"""Lanes in which a person holds orders back, for as long as they say.

A stop is one number: rows after it are not sent. A pause stops everything (0); a drain lets through what stood in the
lane when it was asked for. What the ERP may have already is asked no more either: a person has said that it is not to
be called."""

from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, Column, func
from sqlmodel import Field, Session, col, select

from app.storage.base import Row, UtcDateTime
from app.storage.deliveries import DeliveryRow

EVERYTHING: Final = 0


class LaneStopRow(Row, table=True):
    """
    after  the last sequence of `cd_deliveries` that may still be sent.
    by     who asked for it."""

    __tablename__ = "cd_lane_stops"

    realm: str = Field(primary_key=True, max_length=20)
    lane: str = Field(primary_key=True, max_length=100)
    after: int = Field(sa_column=Column(BigInteger, nullable=False))
    at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=200)


def pause(tx: Session, realm: str, lane: str, *, at: datetime, by: str) -> None:
    tx.merge(LaneStopRow(realm=realm, lane=lane, after=EVERYTHING, at=at, by=by[:200]))


def drain(tx: Session, realm: str, lane: str, *, at: datetime, by: str) -> None:
    """What is in the lane now is still sent; a lane that was paused goes on with that."""
    last = tx.exec(
        select(func.max(DeliveryRow.sequence)).where(
            DeliveryRow.realm == realm, DeliveryRow.lane == lane, col(DeliveryRow.open).is_(True)
        )
    ).one()
    tx.merge(LaneStopRow(realm=realm, lane=lane, after=last or EVERYTHING, at=at, by=by[:200]))


def resume(tx: Session, realm: str, lane: str) -> bool:
    """Whether it was stopped."""
    stop = tx.get(LaneStopRow, (realm, lane))
    if stop is None:
        return False
    tx.delete(stop)
    return True
