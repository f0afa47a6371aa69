"""Every module that defines rows, imported in one place, so that `METADATA` is whole."""

from typing import Final

from sqlalchemy import MetaData

from app.storage import (  # noqa: F401 - importing them is what this module is for
    alerts,
    api_keys,
    approval_links,
    approval_notices,
    approvals,
    approver_profiles,
    attempts,
    audit,
    breakers,
    budgets,
    case_runs,
    catalog,
    customer_credits,
    customers,
    deliveries,
    dispatches,
    erasures,
    erps,
    exchanges,
    flow_drafts,
    flow_examples,
    hourly,
    lane_stops,
    mails,
    oidc,
    orders,
    own_fields,
    partners,
    password_links,
    people,
    processes,
    rates,
    restores,
    returned_carts,
    seal_keys,
    second_factors,
    sessions,
    simulations,
)
from app.storage.base import Row

METADATA: Final[MetaData] = Row.metadata
