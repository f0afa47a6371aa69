"""What is asked often reads no table as a whole that grows with every document.

The statements are those that the product really makes. SQLite plans by its indexes alone; PostgreSQL, which would read
a small table as a whole whatever indexes there are, is told not to where it can."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from buyers import Buyer
from conftest import AT
from ledger_traffic import buyer_of, order_of, place, post
from sqlalchemy import Connection, Engine, event
from sqlmodel import Session
from starlette.datastructures import QueryParams

from app.flows import attention, work_overview
from app.flows.touchless import touchless
from app.gateway import Gateway
from app.jobs import housekeeping, purge, sweep
from app.storage import audit, numbers, returned_carts
from app.storage.base import LIVE
from app.storage.database import Database
from app.storage.hourly import Scope
from app.storage.order_trail import trail_of
from app.storage.orders import OrderRow
from app.storage.people import PersonRow
from app.storage.returned_carts import Asking
from app.web.admin.record import RecordFilter
from app.web.approvals.figures import _decided
from app.web.approvals.inbox import InboxFilter, Show, Sort, counted
from app.web.approvals.inbox import listed as inbox_of
from app.web.desk import case_list as cases
from app.web.desk import refused
from app.web.desk.case_list import CaseFilter
from app.web.desk.case_list import Sort as CaseSort
from app.web.desk.refused import RefusedFilter
from app.web.exchanges.handlers import _listed as exchanges_listed
from app.web.orders.order_list import OrderFilter
from app.web.orders.order_list import listed as orders_listed

LARGE = (
    "cd_attempts",
    "cd_audit",
    "cd_cart_orders",
    "cd_deliveries",
    "cd_dispatches",
    "cd_document_keys",
    "cd_exchange_bodies",
    "cd_exchanges",
    "cd_holds",
    "cd_order_revisions",
    "cd_orders",
    "cd_punchout_sessions",
    "cd_returned_carts",
    "cd_returned_lines",
    "cd_run_tasks",
    "cd_runs",
)


OF_FEW = ("_stopped", "_repeated", "_promised")
"""Indexes of the few rows that are in such a state."""
ALL = re.compile(r"cd_(exchanges|orders) .*\(realm=\?( AND partner_id=\?)?\)$")


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """Those that are executed meanwhile, with their values."""
    found = list[tuple[str, Any]]()

    def seen(_connection: Connection, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        if not many and statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            found.append((statement, values))

    event.listen(Engine, "before_cursor_execute", seen)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", seen)


def read_whole(database: Database, statement: str, values: Any) -> list[str]:
    """The steps of the plan that read a large table from one end to the other."""
    if "WHERE" not in statement and "ORDER BY" in statement and "LIMIT" in statement:
        # Read in the order of a key, and no further than the limit.
        return []
    with database.engine.connect() as connection:
        if database.sqlite:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
            whole = [step for step in plan if step.startswith("SCAN") and step.split()[1] in names_of(statement)]
            # By these alone nearly every row is found.
            whole += [step for step in plan if ALL.search(step) and any("TEMP B-TREE" in other for other in plan)]
            whole += [step for step in plan if ALL.search(step) and "LIMIT" not in statement]
            return [step for step in whole if not any(index in step for index in OF_FEW)]
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        (plan,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalars()
        return [f"{node['Node Type']} {node['Relation Name']}" for node in nodes(plan[0]["Plan"])]


def names_of(statement: str) -> set[str]:
    """The large tables under the names that the statement gives them."""
    words = statement.replace(",", " ").split()
    named = {word for word in words if word in LARGE}
    return named | {words[at + 2] for at, word in enumerate(words[:-2]) if word in LARGE and words[at + 1] == "AS"}


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if node["Node Type"] == "Seq Scan" and node.get("Relation Name") in LARGE:
        yield node
    for child in node.get("Plans", ()):
        yield from nodes(child)


@dataclass
class Site:
    gateway: Gateway
    buyer: Buyer
    order_id: str

    def read(self, work: Callable[[Session], object]) -> None:
        with self.gateway.database.read() as session:
            work(session)


@pytest.fixture
def site(gateway: Gateway) -> Site:
    buyer = buyer_of(gateway)
    return Site(gateway, buyer, place(gateway, buyer, order_of("PO-1")))


SOMEBODY = PersonRow(realm=LIVE, login="x", name="x", roles=[], created_at=AT)
BOUND = PersonRow(realm=LIVE, login="y", name="y", roles=[], customers=["a", "b"], created_at=AT)
NOTHING = {"q": "", "direction": "", "state": "", "partner": "", "before": ""}

ASKING = Asking(LIVE, "c", test=False)


def carts_that_are_named(session: Session) -> None:
    returned_carts.newest_by_line(session, ASKING, ("1", "2"))
    returned_carts.newest_by_cookie(session, ASKING, ("x",))
    returned_carts.with_visits(session, ("1", "2"))
    assert not list(returned_carts.other_orders(session, ASKING, "1", besides="PO-1"))


ASKED: dict[str, Callable[[Site], object]] = {
    "the sweep, every 20 seconds": lambda site: sweep.sweep(site.gateway, site.gateway.clock.now()),
    "the sweep's warnings": lambda site: site.gateway.database.write(
        lambda tx: sweep._warn(tx, site.gateway, site.gateway.clock.now() + timedelta(days=9))
    ),
    "a worker's start": lambda site: sweep.recover(site.gateway),
    "the page of the work": lambda site: work_overview.overview(site.gateway, LIVE),
    "what the metrics count of what waits": lambda site: site.read(numbers.waiting),
    "what the metrics count of lanes": lambda site: site.read(numbers.oldest_lanes),
    "what needs a person": lambda site: site.read(
        lambda session: attention.needs(session, site.gateway, LIVE, customers=None)
    ),
    "a message looked for by its id": lambda site: site.read(
        lambda session: exchanges_listed(session, SOMEBODY, {**NOTHING, "q": "PO-1@buyer"})
    ),
    "orders in a state": lambda site: site.read(
        lambda session: orders_listed(session, SOMEBODY, OrderFilter(state="held"))
    ),
    **{
        f"the approvals of an inbox: {show}": lambda site, show=show: site.read(
            lambda session: inbox_of(session, SOMEBODY, InboxFilter(show=show), site.gateway.clock.now())
        )
        for show in Show
    },
    "how many approvals wait": lambda site: site.read(
        lambda session: counted(session, SOMEBODY, InboxFilter(show=Show.OTHERS), site.gateway.clock.now())
    ),
    "the causes of open cases": lambda site: site.read(lambda session: cases.by_cause(session, SOMEBODY)),
    "the causes of open cases of some customers": lambda site: site.read(
        lambda session: cases.by_cause(session, BOUND)
    ),
    **{
        f"how many cases: {chosen}": lambda site, chosen=chosen: site.read(
            lambda session: cases.counted(session, SOMEBODY, chosen, site.gateway.clock.now())
        )
        for chosen in (CaseFilter(overdue=True), CaseFilter(whose="mine"), CaseFilter(whose="nobody"))
    },
    "how many documents were refused": lambda site: site.read(
        lambda session: refused.counted(session, SOMEBODY, RefusedFilter(state="refused"))
    ),
    "how many orders needed nobody": lambda site: site.read(
        lambda session: touchless(session, LIVE, Scope(), site.gateway.clock.now())
    ),
    "the figures of approvals": lambda site: site.read(lambda session: _decided(session, SOMEBODY, AT)),
    "all that belongs to an order": lambda site: site.read(
        lambda session: trail_of(session, session.get_one(OrderRow, site.order_id))
    ),
    "an order comes in": lambda site: post(
        site.gateway, site.buyer.order_request("2@buyer.example", order=order_of("PO-2"))
    ),
    "an order comes again": lambda site: post(
        site.gateway, site.buyer.order_request("PO-1@buyer.example", order=order_of("PO-1"))
    ),
    "the carts that an order names": lambda site: site.read(carts_that_are_named),
    "an entry in the record": lambda site: site.gateway.database.write(
        lambda tx: audit.record(
            tx, realm=LIVE, at=site.gateway.clock.now(), actor="system", channel="command", event="tried"
        )
    ),
    **{
        f"the record, by {query}": lambda site, query=query: site.read(
            lambda session: session.exec(RecordFilter.of(QueryParams(query)).rows(LIVE).limit(100)).all()
        )
        for query in ("person=somebody", "event=key_created", "event=kind:changes", "person=x&event=signed_in")
    },
    "the length of the record": lambda site: site.read(audit.last),
    "the nightly purge": lambda site: purge.purge(site.gateway),
    "the nightly housekeeping": lambda site: housekeeping.clean(site.gateway, site.gateway.clock.now()),
}


@pytest.mark.parametrize("asked", ASKED)
def test_no_table_that_grows_is_read_as_a_whole(asked: str, site: Site) -> None:
    with statements() as made:
        ASKED[asked](site)
    assert made
    wrong = {
        statement: steps
        for statement, values in made
        if (steps := read_whole(site.gateway.database, statement, values))
    }
    assert wrong == {}


PAGES: dict[str, Callable[[Session], object]] = {
    "exchanges": lambda session: exchanges_listed(session, SOMEBODY, NOTHING),
    "orders": lambda session: orders_listed(session, SOMEBODY, OrderFilter()),
    "open approvals": lambda session: inbox_of(session, SOMEBODY, InboxFilter(), AT),
    "approvals of others": lambda session: inbox_of(session, SOMEBODY, InboxFilter(show=Show.OTHERS), AT),
    "approvals of others, of one customer": lambda session: inbox_of(
        session, SOMEBODY, InboxFilter(show=Show.OTHERS, customer="x", sort=Sort.NEWEST), AT
    ),
    "closed approvals": lambda session: inbox_of(session, SOMEBODY, InboxFilter(show=Show.CLOSED), AT),
    "decided approvals": lambda session: inbox_of(session, SOMEBODY, InboxFilter(show=Show.DECIDED), AT),
    "open cases": lambda session: cases.listed(session, SOMEBODY, CaseFilter(), AT),
    "open cases by due time": lambda session: cases.listed(session, SOMEBODY, CaseFilter(sort=CaseSort.DUE), AT),
    "a later page of open cases": lambda session: cases.listed(session, SOMEBODY, CaseFilter(after="~x"), AT),
    "a later page of open cases by due time": lambda session: cases.listed(
        session, SOMEBODY, CaseFilter(sort=CaseSort.DUE, after=f"{AT.isoformat()}~x"), AT
    ),
    "open cases of a cause": lambda session: cases.listed(session, SOMEBODY, CaseFilter(cause="price"), AT),
    "open cases of a customer": lambda session: cases.listed(session, SOMEBODY, CaseFilter(customer="x"), AT),
    "open cases of some customers": lambda session: cases.listed(session, BOUND, CaseFilter(cause="price.off"), AT),
    "one's own cases": lambda session: cases.listed(session, SOMEBODY, CaseFilter(whose="mine"), AT),
    "overdue cases": lambda session: cases.listed(session, SOMEBODY, CaseFilter(overdue=True, sort=CaseSort.DUE), AT),
    "refused documents": lambda session: refused.listed(session, SOMEBODY, RefusedFilter()),
    "a later page of approvals": lambda session: inbox_of(
        session, SOMEBODY, InboxFilter(after=f"{AT.isoformat()}~x"), AT
    ),
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_the_newest_is_read_in_the_order_of_an_index(page: str, site: Site) -> None:
    """And so ends after a page, however many there are."""
    with statements() as made, site.gateway.database.read() as session:
        PAGES[page](session)
    database = site.gateway.database
    listing = [(statement, values) for statement, values in made if "LIMIT" in statement]
    assert listing
    for statement, values in listing:
        with database.engine.connect() as connection:
            if database.sqlite:
                plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
                assert not any("TEMP B-TREE" in step for step in plan), plan
            else:
                connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
                connection.exec_driver_sql("SET LOCAL enable_sort = off")
                plan = [str(row[0]) for row in connection.exec_driver_sql(f"EXPLAIN {statement}", values)]
                assert not any("Sort" in step for step in plan), plan


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_carts_are_found_by_what_an_order_names_of_them(database: Database) -> None:
    """Not among all carts of its customer."""
    with statements() as made, database.read() as session:
        carts_that_are_named(session)
    with database.engine.connect() as connection:
        plans = [str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {one}", values).all()) for one, values in made]
    first_steps = [plan.split("SEARCH ")[1] for plan in plans]
    assert "ix_cd_returned_lines_auxiliary_id" in first_steps[0]
    assert "ix_cd_returned_carts_cookie_sha256" in first_steps[1]
    assert all("customer_id" not in plan for plan in plans[:2])


@pytest.mark.parametrize("statement", ["SELECT * FROM cd_orders WHERE protocol = 'x'"])
def test_a_table_that_is_read_as_a_whole_is_noticed(statement: str, database: Database) -> None:
    assert read_whole(database, statement, ())
