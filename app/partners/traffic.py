"""What is agreed with one partner about how much it sends, whatever protocol it comes in."""

from typing import Annotated, Final

import msgspec

from app.partners.profile import settings_of
from app.storage.partners import PartnerRow

NAME: Final = "traffic"
"""Its key among a partner's settings."""


class TrafficSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """
    posts_per_minute  documents that the connection may post each minute, to each server process; absent: what
                      CROSSDOCK_POSTS_PER_MINUTE says."""

    posts_per_minute: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None


def posts_per_minute(partner: PartnerRow, otherwise: int) -> int:
    return settings_of(partner, NAME, TrafficSettings).posts_per_minute or otherwise
