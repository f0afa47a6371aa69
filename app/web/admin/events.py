"""What the entries of the audit record are called, and the kinds by which they are looked for."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from app.web.language import msgid
from app.web.orders import words

OF_COMMANDS: Final[Mapping[str, str]] = {
    "catalog_imported": msgid("Catalog imported"),
    "customer_added": msgid("Customer added"),
    "customer_changed": msgid("Terms of a customer changed"),
    "data_erased": msgid("Data erased"),
    "erp_added": msgid("ERP added"),
    "erp_changed": msgid("ERP changed"),
    "erp_secret_added": msgid("Secret of an ERP added"),
    "evidence_exported": msgid("Evidence exported"),
    "key_retired": msgid("Sealing key retired"),
    "keys_rotated": msgid("Sealing keys rotated"),
    "message_downloaded": msgid("Message downloaded with its secrets"),
    "partner_added": msgid("Connection added"),
    "partner_changed": msgid("Connection changed"),
    "partner_disabled": msgid("Connection switched off"),
    "partner_enabled": msgid("Connection switched on"),
    "partner_secret_added": msgid("Secret of a connection added"),
    "replayed": msgid("Tried again"),
    "retention_removed": msgid("Retention of a connection removed"),
    "retention_set": msgid("Retention of a connection set"),
}
AT_THE_SHOP: Final[Mapping[str, str]] = {
    "shop_token_refused": msgid("Shop session refused"),
    "start_code_refused": msgid("Start of a shop session refused"),
}
NAMES: Final[Mapping[str, str]] = {**words.EVENTS, **OF_COMMANDS, **AT_THE_SHOP}

SIGN_IN: Final = frozenset(AT_THE_SHOP) | frozenset(
    ("signed_in", "sign_in_failed", "signed_out", "signed_out_everywhere", "session_ended", "second_factor_failed")
)
_BEGINNINGS: Final = (
    *("person_", "password_", "second_factor_", "recovery_", "identity_", "limit_", "manager_", "groups_", "hours_"),
    *("absence_", "owner_", "oidc_", "key_", "flow_", "item_", "lane_", "rate_", "budget_"),
)
CHANGES: Final = (
    frozenset(event for event in words.EVENTS if event.startswith(_BEGINNINGS)) | OF_COMMANDS.keys()
) - SIGN_IN


class Kind(NamedTuple):
    """`rare`: few entries among all are of this kind, so they are looked for by their index."""

    label: str
    events: frozenset[str]
    rare: bool


KINDS: Final[Mapping[str, Kind]] = {
    "changes": Kind(msgid("Changes of the administration"), frozenset(CHANGES), rare=True),
    "sign_in": Kind(msgid("Signing in and out"), SIGN_IN, rare=True),
    "orders": Kind(msgid("Orders and approvals"), frozenset(NAMES) - CHANGES - SIGN_IN, rare=False),
}
