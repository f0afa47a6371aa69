"""Hypothesis strategies for what cXML carries, within the limits of its wire: texts without blanks around them, a
description, price and unit on every line of a cart, dates to the second."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from protocols.cxml.credentials import Credential, CredentialMac, Secret
from protocols.cxml.envelope import Envelope
from schemas.cart import Cart, CartLine
from schemas.item import Classification, ItemDescription, ItemRef, Price, Quantity, Text
from schemas.money import Money
from schemas.order import (
    Attachment,
    Change,
    Comment,
    DeliveryTerms,
    Order,
    OrderLine,
    OrderTotals,
    PaymentCard,
    PaymentTerm,
    ScheduleLine,
    Split,
    SplitSegment,
    Tax,
    TaxPart,
)
from schemas.order_reply import Answer, LinePart, LineReply, OrderReply, StatusUpdate
from schemas.party import Address, Contact, Email, Extension, Identifier, Party, Phone
from schemas.punchout import Operation, PunchoutRequest

CURRENCY = "EUR"

# Drawn from a pool: text strategies, a hundred to a document, took minutes; the characters that can hurt are all here.
_POOL = (
    "0",
    "a b",
    "A&B",
    "<x>",
    "]]>",
    "\"quoted\" 'twice'",
    "Größe M",
    "手袋",
    "\U0001f9e4",
    "two\nlines",
    "a\tb\rc",
    "&amp;",
    "a\x85b\u2028c",
    "=1+1",
    "x" * 300,
)
words = st.sampled_from(_POOL)
any_text = st.sampled_from((*_POOL, "", " ", " blanks around ", "\n", "\u00a0"))
# xs:NMTOKEN, as the DTD has it for Contact@role.
tokens = st.sampled_from(["endUser", "a", "x-1.2_3"])
above_zero = st.integers(1, 10**12).map(lambda number: Decimal(number).scaleb(-4))
dotted = above_zero | st.integers(-(10**9), 0).map(lambda number: Decimal(number).scaleb(-3))
zones = st.integers(-14 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
moments = st.builds(lambda seconds, zone: datetime.fromtimestamp(seconds, zone), st.integers(0, 2**32), zones)
days = moments | st.dates(date(1990, 1, 1), date(2100, 1, 1))
money = st.builds(Money, amount=dotted, currency=st.just(CURRENCY))
languages = st.sampled_from([None, "en", "de-CH"])


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def several(values: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[Any]:
    return st.lists(values, max_size=most).map(tuple)


inner_xml = st.builds(
    lambda text, name: f'{text}<Email name="{name}">{name}</Email>{text}', st.sampled_from(["", " a ", "&amp;"]), tokens
)
extensions = st.one_of(
    st.builds(Extension, name=any_text, value=any_text),
    st.builds(Extension, name=words, value=inner_xml, markup=st.just(True)),
)
identifiers = st.builds(Identifier, scheme=words, value=words).filter(lambda found: found.scheme.upper() != "GTIN")
phones = st.builds(
    Phone,
    number=words,
    country=maybe(st.sampled_from(["DE", "US", "JP"])),
    country_code=maybe(words),
    area=maybe(words),
    extension=maybe(words),
    label=maybe(words),
)
emails = st.builds(Email, address=words, label=maybe(words))
postal: dict[str, st.SearchStrategy[Any]] = {
    "label": maybe(words),
    "deliver_to": several(words),
    "street": st.lists(words, min_size=1, max_size=2).map(tuple),
    "city": maybe(words),
    "municipality": maybe(words),
    "region": maybe(words),
    "region_code": maybe(words),
    "postal_code": maybe(words),
    "country": st.just("DE"),
    "country_name": words,
    "extensions": several(extensions, 1),
}
addresses = st.builds(
    Address,
    name=words,
    id=maybe(words),
    id_scheme=maybe(words),
    emails=several(emails, 1),
    phones=several(phones, 1),
    faxes=several(phones, 1),
    urls=several(words, 1),
    **postal,
)
places = st.builds(
    lambda address, found: Address(
        **{name: getattr(address, name) for name in Address.__struct_fields__ if name != "identifiers"},
        identifiers=found,
    ),
    addresses,
    several(identifiers),
)
contacts = st.builds(
    Contact,
    name=words,
    role=maybe(tokens),
    id=maybe(words),
    id_scheme=maybe(words),
    emails=several(emails),
    phones=several(phones),
    faxes=several(phones, 1),
    urls=several(words),
    addresses=several(st.builds(Address, **postal), 1),
    identifiers=several(identifiers),
    extensions=several(extensions, 1),
)
taxes = st.builds(
    Tax,
    amount=money,
    description=maybe(words),
    parts=several(
        st.builds(
            TaxPart,
            category=words,
            rate=maybe(above_zero),
            amount=money,
            taxable=maybe(money),
            purpose=maybe(words),
            location=maybe(words),
            description=maybe(words),
            exemption=st.sampled_from([None, "zeroRated", "exempt"]),
        ),
    ),
)
splits = st.builds(
    Split,
    name=words,
    segments=st.lists(
        st.builds(SplitSegment, name=words, id=words, description=maybe(words)), min_size=1, max_size=2
    ).map(tuple),
    charge=money,
)


@st.composite
def items(draw: st.DrawFn, *, made: bool = True) -> ItemRef:
    """`made`: with a manufacturer, who stands in ItemDetail."""
    markup = draw(st.booleans())
    auxiliary = draw(inner_xml.map(str.strip) if markup else maybe(words))
    return ItemRef(
        supplier_id=draw(words),
        supplier_auxiliary_id=auxiliary,
        auxiliary_markup=markup,
        supplier_revision=draw(maybe(words)),
        buyer_id=draw(maybe(words)),
        manufacturer_id=draw(maybe(words)) if made else None,
        manufacturer_name=draw(maybe(words)) if made else None,
        gtin=draw(st.sampled_from([None, "04012345123456"])),
        identifiers=draw(several(identifiers)),
    )


descriptions = st.builds(
    ItemDescription,
    texts=st.lists(
        st.builds(Text, text=words, language=st.sampled_from(["en", "ja"]), kind=maybe(words)), min_size=1, max_size=2
    ).map(tuple),
    short_name=maybe(words),
    classifications=st.lists(
        st.builds(Classification, scheme=st.sampled_from(["UNSPSC", "eClass"]), code=st.just("31161500")),
        min_size=1,
        max_size=2,
    ).map(tuple),
    url=maybe(words),
    lead_days=maybe(st.integers(0, 999)),
    extensions=several(extensions, 1),
)
prices = st.one_of(
    st.builds(Price, amount=money),
    st.builds(Price, amount=money, basis=above_zero, factor=above_zero, unit=words),
)
quantities = st.builds(Quantity, amount=dotted, unit=words)
shipping: dict[str, st.SearchStrategy[Any]] = {"shipping": maybe(money), "shipping_description": st.none()}


def cart_lines(*, home: bool) -> st.SearchStrategy[CartLine]:
    """`home`: ItemIn; else ItemOut, which has no extensions."""
    return st.builds(
        CartLine,
        quantity=quantities,
        item=items(),
        number=st.integers(0, 10**6),
        parent_number=maybe(st.integers(1, 99)),
        description=descriptions,
        price=prices,
        ship_to=maybe(places),
        tax=maybe(taxes),
        splits=several(splits, 1),
        contacts=several(contacts, 1),
        comments=several(words, 1),
        extensions=several(extensions, 1) if home else st.just(()),
        **shipping,
    )


punchout_requests = st.builds(
    PunchoutRequest,
    operation=st.sampled_from(Operation),
    buyer_cookie=any_text,
    return_url=maybe(words),
    contacts=several(contacts, 1),
    ship_to=maybe(places),
    selected=maybe(items(made=False)),
    lines=several(cart_lines(home=False)),
    supplier_url=maybe(words),
    extensions=several(extensions),
)
carts = st.builds(
    Cart,
    buyer_cookie=any_text,
    operation_allowed=st.sampled_from(["create", "inspect", "edit"]),
    total=money,
    tax=maybe(taxes),
    ship_to=maybe(places),
    lines=several(cart_lines(home=True)),
    quote_status=st.sampled_from([None, "pending", "final"]),
    supplier_order_id=st.just("SO-1"),
    supplier_order_date=maybe(days),
    **shipping,
)
comments = st.builds(
    Comment,
    text=words,
    language=languages,
    kind=maybe(words),
    attachments=several(st.builds(Attachment, reference=words, name=maybe(words), internal=st.booleans()), 1),
).filter(lambda comment: not any(file.reference[:4].lower() == "cid:" for file in comment.attachments))


def order_lines(number: int) -> st.SearchStrategy[OrderLine]:
    return st.builds(
        OrderLine,
        number=st.just(number),
        quantity=quantities,
        item=items(),
        description=descriptions,
        price=prices,
        parent_number=maybe(st.integers(1, 99)),
        requested_delivery=maybe(days),
        requisition_id=maybe(words),
        agreement_line=maybe(words),
        ship_to=maybe(places),
        tax=maybe(taxes),
        splits=several(splits),
        schedule=several(
            st.builds(ScheduleLine, quantity=quantities, requested=days, number=maybe(st.integers(1, 9))), 1
        ),
        contacts=several(contacts, 1),
        delivery_terms=maybe(delivery_terms),
        comments=several(comments),
        change=st.sampled_from([None, "delete", "block"]),
        is_return=st.booleans(),
        ad_hoc=st.booleans(),
        **shipping,
    )


delivery_terms = st.builds(
    DeliveryTerms,
    code=words,
    shipping_payment=words,
    transport=maybe(words),
    comments=several(words),
)
parties = st.one_of(
    st.builds(
        Party,
        role=st.sampled_from(["soldTo", "shipFrom", "orderingAddress", "logistics"]),
        identifiers=several(identifiers),
        address=addresses,
    ),
)
units = st.builds(
    Party,
    role=st.sampled_from(["legalEntity"]),
    identifiers=st.lists(identifiers, min_size=1, max_size=1).map(tuple),
)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    # What stands on lines may not stand in the header as well, or it is a finding.
    lines = tuple(draw(order_lines(number)) for number in draw(st.sampled_from([(1,), (20, 10)])))
    on_lines = any(line.ship_to or line.requisition_id or line.shipping for line in lines)
    start, end = draw(days), draw(days)
    period = draw(st.booleans())
    return Order(
        id=draw(words),
        change=draw(st.sampled_from(Change)),
        ordered_at=draw(days),
        currency=CURRENCY,
        lines=lines,
        document_id="po-1@buyer.example",
        previous_document_id=draw(maybe(words)),
        version=draw(maybe(st.integers(0, 99))),
        internal_version=draw(st.booleans()),
        kind=draw(st.sampled_from(["regular", "stockTransport"])),
        agreement_id=draw(maybe(words)),
        requisition_id=None if on_lines else draw(maybe(words)),
        test=draw(st.booleans()),
        totals=OrderTotals(
            total=draw(money), tax=draw(maybe(taxes)), shipping=None if on_lines else draw(maybe(money))
        ),
        ship_to=None if on_lines else draw(maybe(places)),
        bill_to=draw(places),
        parties=draw(several(parties)) + draw(several(units, 1)),
        contacts=draw(several(contacts)),
        comments=draw(several(comments)),
        payment_terms=draw(
            several(
                st.one_of(
                    st.builds(PaymentTerm, days=st.integers(0, 365), extensions=several(extensions, 1)),
                    st.builds(PaymentTerm, days=st.integers(0, 365), discount_percent=above_zero),
                    st.builds(PaymentTerm, days=st.integers(0, 365), discount_amount=money),
                )
            )
        ),
        payment_card=draw(
            maybe(st.builds(PaymentCard, last_four=st.just("1111"), expires=maybe(words), holder=maybe(words)))
        ),
        delivery_terms=draw(maybe(delivery_terms)),
        requested_delivery=draw(maybe(days)),
        delivery_from=start if period else None,
        delivery_until=end if period else None,
        valid_from=draw(maybe(days)),
        valid_until=draw(maybe(days)),
        ship_complete=draw(st.booleans()),
        supplier_order_id=draw(maybe(words)),
        followup_url=draw(maybe(words)),
        identifiers=draw(several(identifiers)),
        extensions=draw(several(extensions)),
    )


@st.composite
def line_replies(draw: st.DrawFn, number: int) -> LineReply:
    unit = draw(words)
    parts = []
    for _ in range(draw(st.integers(1, 2))):
        replaced = draw(st.booleans())
        parts.append(
            LinePart(
                status=draw(st.sampled_from(["accept", "detail", "backordered", "reject", "unknown"])),
                quantity=Quantity(amount=draw(above_zero), unit=unit),
                price=draw(prices) if replaced else draw(maybe(st.builds(Price, amount=money))),
                tax=draw(maybe(taxes)),
                shipping=draw(maybe(money)),
                ship_date=draw(maybe(days)),
                delivery_date=draw(days),
                substitute=draw(items()) if replaced else None,
                substitute_description=draw(descriptions) if replaced else None,
                comments=draw(several(words)),
            )
        )
    total = sum((part.quantity.amount for part in parts), Decimal(0))
    return LineReply(number=number, quantity=Quantity(amount=total, unit=unit), parts=tuple(parts))


@st.composite
def replies(draw: st.DrawFn) -> OrderReply:
    answer = draw(st.sampled_from([Answer.ACCEPT, Answer.REJECT, Answer.EXCEPT, Answer.DETAIL]))
    numbers = [1, 2][: draw(st.integers(1, 2))] if answer in (Answer.EXCEPT, Answer.DETAIL) else []
    return OrderReply(
        id=draw(words),
        answer=answer,
        at=draw(days),
        order_id=draw(words),
        order_date=draw(maybe(days)),
        order_document_id=draw(maybe(words)),
        previous_document_id=draw(maybe(words)),
        reason=draw(words) if answer is Answer.REJECT else None,
        comments=draw(several(words)),
        total=draw(maybe(money)),
        tax=draw(maybe(taxes)),
        shipping=draw(maybe(money)),
        lines=tuple(draw(line_replies(number)) for number in numbers),
        extensions=draw(several(extensions, 1)),
    )


status_updates = st.builds(
    StatusUpdate,
    document_id=words,
    code=st.sampled_from([200, 400, 409, 500]),
    text=words,
    reason=maybe(words),
    language=languages,
    extensions=several(extensions, 1),
)
credentials = st.builds(Credential, domain=any_text, identity=words, marketplace=st.booleans())
macs = st.builds(
    CredentialMac,
    value=words.map(Secret),
    creation=any_text,
    expiration=any_text,
)
senders = st.one_of(
    credentials,
    st.builds(Credential, domain=words, identity=words, secret=words.map(Secret)),
    st.builds(Credential, domain=words, identity=words, mac=macs),
)


def envelopes(kind: str) -> st.SearchStrategy[Envelope]:
    """Of a document that we write: with ids, a time, somebody on each side, and no secret in a Message."""
    message = kind.endswith("Message")
    return st.builds(
        Envelope,
        payload_id=st.just("po-1@buyer.example"),
        sent_at=moments,
        kind=st.just(kind),
        from_=st.lists(credentials, min_size=1, max_size=2).map(tuple),
        to=st.lists(credentials, min_size=1, max_size=2).map(tuple),
        sender=st.lists(credentials if message else senders, min_size=1, max_size=2).map(tuple),
        user_agent=words,
        test=st.booleans(),
        in_reply_to=maybe(words) if message else st.none(),
        version=st.just("1.2.071"),
        language=languages,
    )
