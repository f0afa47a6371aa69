"""What is agreed with one partner about shopping with us, whatever protocol its carts travel in."""

from typing import Final, Literal

import msgspec

from app.partners.profile import settings_of
from app.storage.partners import PartnerRow

NAME: Final = "shop"
"""Its key among a partner's settings."""

Rule = Literal["block", "warn", "ignore"]


class ShopSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """
    return_url          where carts go when the setup request names no place.
    load_twice          the buyer's system loads the start URL twice: the same address and user agent may come again
                        within a minute.
    missing_unspsc, zero_price, missing_lead_time   what happens to a cart whose line the buyer's system would refuse:
                        stop it, ask the shopper first, or nothing.
    """

    return_url: str | None = None
    load_twice: bool = False
    missing_unspsc: Rule = "warn"
    zero_price: Rule = "block"
    missing_lead_time: Rule = "ignore"


def shop_settings(partner: PartnerRow) -> ShopSettings:
    return settings_of(partner, NAME, ShopSettings)
