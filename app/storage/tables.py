"""Every module that defines rows, imported in one place, so that `Row.metadata` is whole."""

from types import ModuleType

from app.storage import (
    approvals,
    attempts,
    audit,
    breakers,
    catalog,
    customers,
    deliveries,
    dispatches,
    erasures,
    erps,
    exchanges,
    lane_stops,
    orders,
    partners,
    people,
    processes,
    restores,
    seal_keys,
    sessions,
)

ALL: tuple[ModuleType, ...] = (
    approvals,
    attempts,
    audit,
    breakers,
    catalog,
    customers,
    deliveries,
    dispatches,
    erasures,
    erps,
    exchanges,
    lane_stops,
    orders,
    partners,
    people,
    processes,
    restores,
    seal_keys,
    sessions,
)
