"""The lists, in the order of the menu."""

from typing import Any, ClassVar, Final

from sqlalchemy import Select, or_, select
from sqlmodel import Session, col
from starlette.requests import Request
from starlette_admin.actions import ActionSelection, action
from starlette_admin.i18n import lazy_gettext

from app.flows import keep_person, withdraw_item
from app.storage.approvals import FlowRow, FlowVersionRow
from app.storage.audit import AuditRow
from app.storage.base import unindexed
from app.storage.catalog import ItemRow, PriceListRow, PriceRow
from app.storage.customers import CustomerRow
from app.storage.deliveries import DeliveryRow
from app.storage.dispatches import DispatchRow
from app.storage.exchanges import ExchangeRow
from app.storage.orders import OrderRow
from app.storage.partners import PartnerRow
from app.storage.people import PersonRow, Role
from app.web.language import msgid
from app.web.people.absences import By
from app.web.people.sessions import gateway_of
from app.web.records.fields import lines_of_order, moment, number, shown, text, yes_no
from app.web.records.view import RecordView

LEDGER: Final = (Role.ADMIN, Role.OPERATOR, Role.AUDITOR)
RULES: Final = (Role.ADMIN, Role.FLOW_AUTHOR, Role.AUDITOR)
OFF: Final = lazy_gettext(msgid("Switch off"))
ON: Final = lazy_gettext(msgid("Switch on"))
SURE: Final = lazy_gettext(msgid("Do this to all chosen rows?"))


class Grows(RecordView):
    """A list that grows for years: read from its newest end, sorted by nothing else, and searched for whole values.

    found_by  the columns in which a search looks."""

    found_by: ClassVar[tuple[str, ...]] = ("id", "correlation_id")
    sortable_fields = ("id",)
    fields_default_sort = (("id", True),)

    @property
    def realm(self) -> Any:
        return unindexed(self.model.realm)

    def get_search_query(self, request: Request, term: str) -> Any:
        return or_(*(getattr(self.model, name) == term for name in self.found_by))


class Partners(RecordView):
    model = PartnerRow
    key = "partners"
    icon = "fa fa-plug"
    menu_label = lazy_gettext(msgid("Partners"))
    fields = (
        text("id", msgid("Id"), exclude_from_list=True),
        text("name", msgid("Name")),
        yes_no("active", msgid("Active")),
        shown("return_hosts", msgid("Carts may go to")),
        shown("frame_origins", msgid("May show the shop in a frame")),
        shown("settings", msgid("Settings"), exclude_from_list=True),
        moment("created_at", msgid("Since")),
    )
    fields_default_sort = ("name",)


class Customers(RecordView):
    model = CustomerRow
    key = "customers"
    icon = "fa fa-building"
    menu_label = lazy_gettext(msgid("Agreements"))
    of_one = "id"
    fields = (
        text("id", msgid("Id"), exclude_from_list=True),
        text("number", msgid("Number")),
        text("name", msgid("Name")),
        text("currency", msgid("Currency")),
        text("language", msgid("Language")),
        text("price_list", msgid("Price list")),
        yes_no("active", msgid("Active")),
        shown("settings", msgid("Terms"), exclude_from_list=True),
        moment("created_at", msgid("Since")),
    )
    fields_default_sort = ("number",)


class Items(RecordView):
    model = ItemRow
    key = "items"
    icon = "fa fa-box"
    menu_label = lazy_gettext(msgid("Catalog items"))
    roles = LEDGER
    actions = ("switch_on", "switch_off")
    fields = (
        number("id", msgid("Id"), exclude_from_list=True),
        text("sku", msgid("Item number")),
        yes_no("active", msgid("Active")),
        text("category", msgid("Category")),
        text("unit", msgid("Unit")),
        text("unspsc", "UNSPSC", exclude_from_list=True),
        text("manufacturer", msgid("Maker")),
        text("manufacturer_part", msgid("Maker's number"), exclude_from_list=True),
        text("gtin", "GTIN", exclude_from_list=True),
        number("lead_days", msgid("Lead time in days"), exclude_from_list=True),
        shown("minimum", msgid("Minimum"), exclude_from_list=True),
        shown("step", msgid("Step"), exclude_from_list=True),
        shown("stock", msgid("Stock")),
        moment("changed_at", msgid("Changed")),
    )
    fields_default_sort = ("sku",)

    @action("switch_on", ON, confirmation=SURE)
    async def switch_on(self, request: Request, selection: ActionSelection) -> None:
        await self._switch(request, selection, active=True)

    @action("switch_off", OFF, confirmation=SURE)
    async def switch_off(self, request: Request, selection: ActionSelection) -> None:
        await self._switch(request, selection, active=False)

    async def _switch(self, request: Request, selection: ActionSelection, *, active: bool) -> None:
        gateway = gateway_of(request)

        def change(tx: Session, item: ItemRow, by: By) -> None:
            withdraw_item.switch(tx, gateway, item, active=active, **by)

        await self.change(request, selection, change)


class Prices(RecordView):
    model = PriceRow
    key = "prices"
    icon = "fa fa-tag"
    menu_label = lazy_gettext(msgid("Prices"))
    roles = LEDGER
    fields = (
        number("id", msgid("Id"), exclude_from_list=True),
        number("price_list_id", msgid("Price list")),
        number("item_id", msgid("Item")),
        shown("from_quantity", msgid("From quantity")),
        shown("amount", msgid("Price")),
        shown("basis", msgid("Price for")),
        text("unit", msgid("Price unit")),
        shown("valid_from", msgid("Valid from")),
        shown("valid_until", msgid("Valid until")),
    )
    fields_default_sort = ("item_id",)

    def visible(self, person: PersonRow) -> Select[Any]:
        lists = select(col(PriceListRow.id)).where(col(PriceListRow.realm) == person.realm)
        return select(PriceRow).where(col(PriceRow.price_list_id).in_(lists))


class People(RecordView):
    model = PersonRow
    key = "people"
    icon = "fa fa-user"
    menu_label = lazy_gettext(msgid("People"))
    page = "/admin/people/{}"
    actions = ("let_in", "let_out")
    fields = (
        text("id", msgid("Id"), exclude_from_list=True),
        text("login", msgid("Signs in as")),
        text("name", msgid("Name")),
        text("email", msgid("Mail")),
        shown("roles", msgid("Roles")),
        shown("customers", msgid("Customers"), exclude_from_list=True),
        text("language", msgid("Language"), exclude_from_list=True),
        yes_no("active", msgid("Active")),
        moment("created_at", msgid("Since")),
        moment("signed_in_at", msgid("Last sign-in")),
    )
    fields_default_sort = ("login",)

    @action("let_in", lazy_gettext(msgid("Let in again")), confirmation=SURE)
    async def let_in(self, request: Request, selection: ActionSelection) -> None:
        await self._switch(request, selection, active=True)

    @action("let_out", lazy_gettext(msgid("Let in no more")), confirmation=SURE)
    async def let_out(self, request: Request, selection: ActionSelection) -> None:
        await self._switch(request, selection, active=False)

    async def _switch(self, request: Request, selection: ActionSelection, *, active: bool) -> None:
        gateway = gateway_of(request)

        def change(tx: Session, person: PersonRow, by: By) -> None:
            if person.active != active:
                keep_person.switch(tx, gateway, person, active=active, **by)

        await self.change(request, selection, change)


class Orders(Grows):
    model = OrderRow
    key = "orders"
    icon = "fa fa-cart-shopping"
    menu_label = lazy_gettext(msgid("Orders"))
    roles = LEDGER
    of_one = "customer_id"
    page = "/orders/{}"
    found_by = ("id", "correlation_id", "number")
    fields = (
        text("id", msgid("Id"), exclude_from_list=True),
        text("number", msgid("Number")),
        text("state", msgid("State")),
        shown("total", msgid("Total")),
        text("currency", msgid("Currency")),
        text("requester", msgid("Requested by")),
        text("protocol", msgid("Protocol")),
        text("erp_number", msgid("Number in the ERP")),
        text("customer_id", msgid("Customer"), exclude_from_list=True),
        text("partner_id", msgid("Partner"), exclude_from_list=True),
        number("revision", msgid("Version"), exclude_from_list=True),
        text("document_id", msgid("Document id"), exclude_from_list=True),
        text("correlation_id", msgid("Request"), exclude_from_list=True),
        lines_of_order("lines", msgid("Lines")),
        moment("received_at", msgid("Received")),
        moment("changed_at", msgid("Changed"), exclude_from_list=True),
    )


class Exchanges(Grows):
    model = ExchangeRow
    key = "exchanges"
    icon = "fa fa-right-left"
    menu_label = lazy_gettext(msgid("Exchanges"))
    roles = LEDGER
    of_one = "customer_id"
    page = "/exchanges/{}"
    found_by = ("id", "correlation_id", "control_id")
    fields = (
        text("id", msgid("Id"), exclude_from_list=True),
        moment("at", msgid("Time")),
        text("direction", msgid("Direction")),
        text("protocol", msgid("Protocol")),
        text("kind", msgid("Message")),
        text("control_id", msgid("Document id")),
        text("state", msgid("State")),
        text("transport", msgid("Transport"), exclude_from_list=True),
        text("remote", msgid("Address"), exclude_from_list=True),
        number("status", msgid("Status"), exclude_from_list=True),
        number("size", msgid("Bytes")),
        text("sha256", "SHA-256", exclude_from_list=True),
        text("partner_id", msgid("Partner"), exclude_from_list=True),
        text("customer_id", msgid("Customer"), exclude_from_list=True),
        text("correlation_id", msgid("Request"), exclude_from_list=True),
        shown("faults", msgid("Findings about the document"), exclude_from_list=True),
    )


class Flows(RecordView):
    model = FlowRow
    key = "flows"
    icon = "fa fa-code-branch"
    menu_label = lazy_gettext(msgid("Approval rules"))
    roles = RULES
    of_one = "customer_id"
    fields = (
        text("id", msgid("Id"), exclude_from_list=True),
        text("key", msgid("Key")),
        text("name", msgid("Name")),
        text("customer_id", msgid("Customer")),
        number("priority", msgid("Priority")),
    )
    fields_default_sort = ("key",)


class FlowVersions(RecordView):
    model = FlowVersionRow
    key = "flow-versions"
    icon = "fa fa-clock"
    menu_label = lazy_gettext(msgid("Versions of rules"))
    roles = RULES
    of_one = "flow_id"
    fields = (
        text("id", msgid("Id"), exclude_from_list=True),
        text("flow_id", msgid("Approval rules")),
        number("number", msgid("Version")),
        text("state", msgid("State")),
        text("author_id", msgid("Written by")),
        text("published_by", msgid("Published by")),
        moment("published_at", msgid("Published")),
        text("checksum", msgid("Checksum"), exclude_from_list=True),
        text("definition", msgid("Definition"), exclude_from_list=True),
    )
    fields_default_sort = (("published_at", True),)

    def visible(self, person: PersonRow) -> Select[Any]:
        query = select(FlowVersionRow).where(col(FlowVersionRow.realm) == person.realm)
        if person.customers is None:
            return query
        theirs = select(col(FlowRow.id)).where(col(FlowRow.customer_id).in_(person.customers))
        return query.where(col(FlowVersionRow.flow_id).in_(theirs))


class InLine(Grows):
    """What is sent, in the order in which it came about."""

    roles = LEDGER
    of_one = "customer_id"
    found_by = ("id", "order_id")
    sortable_fields = ("sequence",)
    fields_default_sort = (("sequence", True),)


_OF_ORDER: Final = (
    number("sequence", msgid("Entry")),
    text("id", msgid("Id"), exclude_from_list=True),
    text("kind", msgid("Kind")),
    text("state", msgid("State")),
    text("order_id", msgid("Order")),
    text("customer_id", msgid("Customer"), exclude_from_list=True),
    number("attempts", msgid("Attempts")),
    moment("created_at", msgid("Since")),
    moment("touched_at", msgid("Changed")),
)


class Deliveries(InLine):
    model = DeliveryRow
    key = "deliveries"
    icon = "fa fa-truck"
    menu_label = lazy_gettext(msgid("Deliveries to the ERP"))
    fields = (
        *_OF_ORDER,
        text("erp", "ERP"),
        text("lane", msgid("Lane")),
        number("revision", msgid("Version")),
    )


class Dispatches(InLine):
    model = DispatchRow
    key = "dispatches"
    icon = "fa fa-paper-plane"
    menu_label = lazy_gettext(msgid("Answers to buyers"))
    fields = (*_OF_ORDER, text("protocol", msgid("Protocol")), text("control_id", msgid("Document id")))


class Audit(Grows):
    model = AuditRow
    key = "audit"
    icon = "fa fa-list"
    menu_label = lazy_gettext(msgid("Audit record"))
    found_by = ("event", "actor", "order_id")
    sortable_fields = ("sequence",)
    fields_default_sort = (("sequence", True),)
    fields = (
        number("sequence", msgid("Entry")),
        moment("at", msgid("Time")),
        text("event", msgid("Event")),
        text("actor", msgid("Who")),
        text("channel", msgid("Channel")),
        text("acting_for", msgid("In place of"), exclude_from_list=True),
        text("order_id", msgid("Order"), exclude_from_list=True),
        text("reason", msgid("Reason")),
        shown("data", msgid("Details"), exclude_from_list=True),
        text("hash", "SHA-256", exclude_from_list=True),
    )


VIEWS: Final[tuple[type[RecordView], ...]] = (
    Partners,
    Customers,
    Items,
    Prices,
    People,
    Orders,
    Exchanges,
    Flows,
    FlowVersions,
    Deliveries,
    Dispatches,
    Audit,
)
