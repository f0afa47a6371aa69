"""What is agreed with one partner about its cXML."""

import re
from typing import Literal

import msgspec

from protocols.dates import DateOrder, zone_named
from protocols.xml_source import Repairs


class CxmlSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """
    version            the cXML version that we write: it names the DTD and decides what may not be said.
    time_zone          of dates that carry none (IANA name); `date_order` of `03/04/2026`, unread while it is not set.
    repairs            of characters in what the partner sends.
    price_basis        what a PriceBasisQuantity means: `full` divides by its quantity and multiplies by its
                       conversionFactor, `quantity_only` divides, `ignore` takes the UnitPrice for one order unit.
    several_currencies one document may carry several currencies.
    domain_preference  credential domains, the preferred first, where a party has several credentials.
    mac_skew_seconds   tolerated difference of clocks when a CredentialMac is checked.
    return_encoding    how a cart travels through the browser.
    operation_allowed  what we let the buyer do with a returned cart.
    nonunique_payload_id  the partner sends the same payloadID for different documents: the body counts as well.
    test_documents     deploymentMode="test" on a live connection: refused, or taken and kept from the ERP.
    mirror_http_status the HTTP status repeats the cXML Status (200 otherwise).
    total_includes     what the Total of an order holds beside its lines.
    reply_url          where the partner takes what we send by ourselves; `reply_hosts` are hosts to which an order may
                       direct that instead (Followup).
    confirmations      the partner takes ConfirmationRequests.
    """

    version: str = "1.2.071"
    time_zone: str = "UTC"
    date_order: DateOrder | None = None
    repairs: Repairs = Repairs()
    price_basis: Literal["full", "quantity_only", "ignore"] = "full"
    several_currencies: bool = False
    domain_preference: tuple[str, ...] = ()
    mac_skew_seconds: int = 0
    return_encoding: Literal["base64", "urlencoded"] = "base64"
    operation_allowed: Literal["create", "inspect", "edit"] = "edit"
    nonunique_payload_id: bool = False
    test_documents: Literal["refuse", "accept"] = "refuse"
    mirror_http_status: bool = False
    total_includes: tuple[Literal["shipping", "tax"], ...] = ()
    reply_url: str | None = None
    reply_hosts: tuple[str, ...] = ()
    confirmations: bool = False

    def __post_init__(self) -> None:
        zone_named(self.time_zone)
        if not re.fullmatch(r"1\.[0-9]{1,2}(\.[0-9]{1,3})?", self.version):
            raise ValueError(f"{self.version!r} is no version of cXML")
        if self.mac_skew_seconds < 0:
            raise ValueError("mac_skew_seconds is not negative")


DEFAULTS = CxmlSettings()
