"""Who and where: parties, addresses, contacts, and the identifiers by which the trade names them."""

from schemas.base import Canonical


class Identifier(Canonical, frozen=True, kw_only=True):
    """A name in a scheme: a cXML credential (`NetworkId`, `DUNS`), an EDIFACT qualifier (`14` = GLN), an endpoint
    scheme (`0088`). Kept as received; compare what is `folded`."""

    scheme: str
    value: str

    def folded(self) -> tuple[str, str]:
        """Trimmed and without case in both parts, as buyers and hubs disagree on both."""
        return self.scheme.strip().casefold(), self.value.strip().casefold()


class Extension(Canonical, frozen=True, kw_only=True):
    """A field that the standard leaves to the partners (cXML Extrinsic), kept verbatim and passed on.

    `value` is the text, or the inner XML where `markup` is true."""

    name: str
    value: str
    markup: bool = False


class Verbatim(Canonical, frozen=True, kw_only=True):
    """A part of the source that the canonical form has no field for, kept as it was and passed on unchanged.

    at       its place below the line or head that keeps it: `ItemDetail/Dimension[2]`, `Shipping/@trackingId`.
    content  the element as XML text, or the value of the attribute."""

    at: str
    content: str


class Phone(Canonical, frozen=True, kw_only=True):
    """A telephone or fax number in its parts; `number` holds everything when the sender did not divide it."""

    number: str
    country: str | None = None
    country_code: str | None = None
    area: str | None = None
    extension: str | None = None
    label: str | None = None


class Email(Canonical, frozen=True, kw_only=True):
    address: str
    label: str | None = None


class Address(Canonical, frozen=True, kw_only=True):
    """A postal address. `country` is ISO 3166-1 alpha-2 in upper case, absent when the document gives no usable one;
    `country_name` keeps the sender's word. `id` and `id_scheme` are the sender's own key of the place (addressID),
    `label` what the sender calls it (`default`)."""

    name: str | None = None
    label: str | None = None
    deliver_to: tuple[str, ...] = ()
    street: tuple[str, ...] = ()
    city: str | None = None
    municipality: str | None = None
    region: str | None = None
    region_code: str | None = None
    postal_code: str | None = None
    country: str | None = None
    country_name: str | None = None
    id: str | None = None
    id_scheme: str | None = None
    emails: tuple[Email, ...] = ()
    phones: tuple[Phone, ...] = ()
    faxes: tuple[Phone, ...] = ()
    urls: tuple[str, ...] = ()
    identifiers: tuple[Identifier, ...] = ()
    extensions: tuple[Extension, ...] = ()


class Contact(Canonical, frozen=True, kw_only=True):
    """A person or a desk, by role (`endUser`, `purchasingAgent`, `buyer`, ...: an open list)."""

    name: str | None = None
    role: str | None = None
    id: str | None = None
    id_scheme: str | None = None
    emails: tuple[Email, ...] = ()
    phones: tuple[Phone, ...] = ()
    faxes: tuple[Phone, ...] = ()
    urls: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()
    identifiers: tuple[Identifier, ...] = ()
    extensions: tuple[Extension, ...] = ()


class Party(Canonical, frozen=True, kw_only=True):
    """A company in a role (`soldTo`, `shipFrom`, `legalEntity`, ...) with its identifiers and address."""

    role: str
    identifiers: tuple[Identifier, ...] = ()
    address: Address | None = None
    contacts: tuple[Contact, ...] = ()
