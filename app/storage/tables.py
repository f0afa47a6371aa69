"""Every module that defines rows, imported in one place, so that `Row.metadata` is whole."""

from types import ModuleType

from app.storage import approvals, audit, customers, exchanges, orders, partners, people, seal_keys

ALL: tuple[ModuleType, ...] = (customers, exchanges, partners, seal_keys, people, orders, approvals, audit)
