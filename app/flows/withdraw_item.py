"""A catalog item is taken off the shelves, or put back; old carts and orders still name it. The next import of the
catalog says anew which items are there."""

from sqlmodel import Session

from app.gateway import Gateway
from app.storage import audit
from app.storage.catalog import ItemRow


def switch(tx: Session, gateway: Gateway, item: ItemRow, *, active: bool, actor: str, channel: str) -> None:
    """Writes nothing for an item that is as it should be."""
    if item.active == active:
        return
    item.active, item.changed_at = active, gateway.clock.now()
    tx.add(item)
    event = "item_offered" if active else "item_withdrawn"
    data = {"sku": item.sku, "before": {"active": not active}}
    audit.record(tx, realm=item.realm, at=item.changed_at, actor=actor, channel=channel, event=event, data=data)
