"""A buyer's person asks to shop with us (cXML PunchOutSetupRequest, OCI call-up), and the way home."""

from enum import StrEnum

from schemas.base import Canonical
from schemas.cart import CartLine
from schemas.item import ItemRef
from schemas.party import Address, Contact, Extension, Verbatim


class Operation(StrEnum):
    """What the shopper may do: fill a new cart, change a cart that came home, look at one, or ask for a quote."""

    CREATE = "create"
    EDIT = "edit"
    INSPECT = "inspect"
    SOURCE = "source"


class PunchoutRequest(Canonical, frozen=True, kw_only=True):
    """
    buyer_cookie  the buyer's session key, echoed unchanged; inner XML when `cookie_markup`.
    return_url    where the browser posts the cart (BrowserFormPost, HOOK_URL); absent: the partner's configured one.
    selected      the item or shelf to open at.
    lines         the cart to edit or inspect.
    language      BCP 47, from xml:lang or the call-up.
    """

    operation: Operation
    buyer_cookie: str
    cookie_markup: bool = False
    return_url: str | None = None
    language: str | None = None
    contacts: tuple[Contact, ...] = ()
    ship_to: Address | None = None
    selected: ItemRef | None = None
    lines: tuple[CartLine, ...] = ()
    supplier_url: str | None = None
    extensions: tuple[Extension, ...] = ()
    verbatim: tuple[Verbatim, ...] = ()

    @property
    def user_email(self) -> str | None:
        """The shopper's address, from whichever place carries one: the extrinsics UserEmail, Email, User, UniqueName
        (any spelling of case), then the contacts, then the ship-to address."""
        named = {e.name.casefold(): e.value.strip() for e in reversed(self.extensions) if not e.markup}
        candidates = [named.get(name, "") for name in ("useremail", "email", "user", "uniquename")]
        candidates += [email.address for contact in self.contacts for email in contact.emails]
        candidates += [email.address for email in (self.ship_to.emails if self.ship_to else ())]
        return next((c for c in candidates if "@" in c), None)


class ReturnPost(Canonical, frozen=True, kw_only=True):
    """A form that the shopper's browser posts to the buyer. Field names may repeat (OCI); order is kept."""

    url: str
    fields: tuple[tuple[str, str], ...]
    charset: str = "utf-8"
    target: str = "_top"
