"""When two addresses mean the same place."""

from schemas.party import Address


def folded(text: str | None) -> str:
    return " ".join((text or "").split()).casefold()


def same_town(place: Address, registered: Address) -> bool:
    """Country and postal code agree wherever both sides give them."""
    pairs = ((place.country, registered.country), (place.postal_code, registered.postal_code))
    return all(not a or not b or folded(a).replace(" ", "") == folded(b).replace(" ", "") for a, b in pairs)


def same_place(place: Address, registered: Address) -> bool:
    """Without a code: street, postal code and country must all be there and agree."""
    if not (place.street and place.postal_code and place.country):
        return False
    return (
        folded(" ".join(place.street)) == folded(" ".join(registered.street))
        and same_town(place, registered)
        and bool(registered.postal_code and registered.country)
    )
