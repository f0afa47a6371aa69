"""A shopper's visit without cookies or scripts, page by page."""

from datetime import timedelta

import pytest
from shop_visits import (
    RETURN_URL,
    BuyerSide,
    Shopper,
    add_buyer,
    application,
    line,
    returned,
    returned_cart,
    stock_shop,
)
from sqlmodel import Session, select

from app.clock import SetClock
from app.flows import visit as visits
from app.gateway import Gateway
from app.storage.audit import AuditRow
from app.storage.sessions import PunchoutSessionRow
from app.web.storefront.routes import ENDPOINTS
from schemas.item import ItemRef

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]
"""What differs between the databases is tested below the pages (tests/app/flows, tests/app/catalog)."""


@pytest.fixture
def buyer(gateway: Gateway) -> BuyerSide:
    stock_shop(gateway)
    return add_buyer(gateway)


@pytest.fixture
def shopper(gateway: Gateway) -> Shopper:
    return Shopper(application(gateway))


async def test_search_add_and_return_take_the_cart_home(buyer: BuyerSide, shopper: Shopper) -> None:
    await shopper.go(buyer.punch_out(buyer_cookie=" <x/>&\"' "))
    await shopper.go(shopper.prefix + "?q=nitrile")
    assert "2 products" in shopper.text
    await shopper.add("SF-3001", "12", q="nitrile")
    assert str(shopper.answer.url).endswith("?q=nitrile&note=added&sku=SF-3001#row-SF-3001")
    assert "12 in the cart" in shopper.text
    assert "Return cart (1) EUR 91.20" in shopper.text.replace("\xa0", " ")
    await shopper.go(shopper.prefix + "cart")
    answer = await shopper.quantities("return")
    assert answer.status_code == 200
    (form,) = shopper.page.forms
    assert form.get("action") == RETURN_URL
    assert form.get("target") == "_top"
    cart = returned_cart(answer)
    assert cart.buyer_cookie == " <x/>&\"' "
    assert (cart.total.amount, cart.total.currency) == (cart.sum_of_lines, "EUR")
    (sent,) = cart.lines
    assert (sent.item.supplier_id, f"{sent.quantity.amount:f}", sent.quantity.unit) == ("SF-3001", "12", "XBX")
    assert sent.price is not None
    assert f"{sent.price.amount.amount:f}" == "7.60"
    assert sent.description is not None
    assert [(c.scheme, c.code) for c in sent.description.classifications] == [("UNSPSC", "46181504")]
    assert sent.item.supplier_auxiliary_id
    envelope = returned(answer).envelope
    assert [c.identifier for c in envelope.to] == [buyer.theirs]
    assert not any(c.secret for c in (*envelope.from_, *envelope.to, *envelope.sender))


async def test_price_units_go_home_as_they_are(buyer: BuyerSide, shopper: Shopper) -> None:
    await shopper.go(buyer.punch_out())
    await shopper.add("FA-1020", "300")
    await shopper.add("EL-4002", "2")
    await shopper.go(shopper.prefix + "cart")
    assert "EUR 11.40 per 1,000 pieces" in shopper.text.replace("\xa0", " ")
    cart = returned_cart(await shopper.quantities("return"))
    washers, cable = (line.price for line in cart.lines)
    assert washers is not None
    assert cable is not None
    assert (washers.basis, washers.unit, washers.factor) == (1000, "C62", 1)
    assert (cable.basis, cable.unit, cable.factor) == (1, "MTR", 100)
    assert f"{cart.total.amount:f}" == "199.42"


@pytest.mark.parametrize(
    ("sku", "quantity", "said"),
    [
        ("SF-3001", "0", "Enter a quantity greater than zero."),
        ("SF-3001", "-1", "Enter a quantity greater than zero."),
        ("SF-3001", "1.5", "Only whole units can be ordered."),
        ("SF-3001", "1e3", "Enter a plain number, without separators between thousands."),
        ("SF-3001", "1,000", "Enter a plain number, without separators between thousands."),
        ("SF-3001", "", "Enter a plain number, without separators between thousands."),
        ("SF-3001", "NaN", "Enter a plain number, without separators between thousands."),
        ("SF-3001", "1000001", "This quantity is too large."),
        ("FA-1002", "49", "The quantity is below the minimum."),
        ("FA-1002", "75", "The quantity does not fit the step."),
    ],
)
async def test_a_quantity_that_cannot_be_ordered_is_said_beside_its_field(
    buyer: BuyerSide, shopper: Shopper, sku: str, quantity: str, said: str
) -> None:
    await shopper.go(buyer.punch_out())
    await shopper.go(f"{shopper.prefix}?q={sku}")
    answer = await shopper.add(sku, quantity, q=sku)
    assert answer.status_code == 400
    (field,) = shopper.page.xpath(f"//input[@id='quantity-{sku}']")
    assert field.get("value") == quantity
    assert field.get("aria-invalid") == "true"
    (fault,) = shopper.page.xpath("//*[@id=$id]", id=field.get("aria-describedby"))
    assert fault.text_content() == said
    assert said in " ".join(shopper.page.xpath("//p[@role='alert']")[0].text_content().split())
    assert "Return cart (0)" in shopper.text


@pytest.mark.parametrize(
    ("language", "typed", "taken"),
    [("de", "1,5", "1,5"), ("de", "2.5", "2,5"), ("de-CH", "1.5", "1.5"), ("en", "1.500", "1.500"), ("fr", "10", "10")],
)
async def test_a_quantity_is_typed_and_shown_with_the_languages_decimal_separator(
    buyer: BuyerSide, shopper: Shopper, language: str, typed: str, taken: str
) -> None:
    await shopper.go(buyer.punch_out(language=language))
    await shopper.add("LU-1130", typed)
    await shopper.go(shopper.prefix + "cart")
    assert shopper.page.xpath("//div[@class='quantity']/input/@value") == [taken]
    assert (await shopper.quantities("return", seen="yes")).status_code == 200


@pytest.mark.parametrize(
    ("language", "typed"),
    [("de", "1.000"), ("de", "1,000"), ("de", "1.000,5"), ("es", "12.500"), ("en", "1,5"), ("en", "1,000")],
)
async def test_a_quantity_that_may_be_thousands_or_a_fraction_is_not_guessed(
    buyer: BuyerSide, shopper: Shopper, language: str, typed: str
) -> None:
    await shopper.go(buyer.punch_out(language=language))
    assert (await shopper.add("LU-1130", typed)).status_code == 400


async def test_the_product_page_adds_and_stays(buyer: BuyerSide, shopper: Shopper) -> None:
    await shopper.go(buyer.punch_out())
    await shopper.go(shopper.prefix + "item/FA-1002")
    assert "Minimum 50, in steps of 50" in shopper.text
    await shopper.add("FA-1002", "100", **{"from": "item"})
    assert "/item/FA-1002" in str(shopper.answer.url)
    assert "Added to the cart." in shopper.text
    await shopper.add("FA-1002", "75", **{"from": "item"})
    assert shopper.answer.status_code == 400
    assert "does not fit the step" in shopper.text


@pytest.mark.parametrize("sku", ["NOPE", "SF-3052"])
async def test_what_the_customer_may_not_buy_looks_like_what_is_not_there(gateway: Gateway, sku: str) -> None:
    stock_shop(gateway)
    boreal = add_buyer(gateway, "boreal", price_list="boreal")
    shopper = Shopper(application(gateway))
    await shopper.go(boreal.punch_out())
    answer = await shopper.go(f"{shopper.prefix}item/{sku}")
    assert answer.status_code == 404
    assert "Product not found" in shopper.text
    await shopper.go(shopper.prefix)
    await shopper.add(sku, "1")
    assert "This product is not available to you." in shopper.text
    assert "Return cart (0)" in shopper.text


async def test_the_same_form_adds_once_and_says_so(buyer: BuyerSide, shopper: Shopper) -> None:
    await shopper.go(buyer.punch_out())
    key = shopper.key
    await shopper.add("SF-3001", "2", key=key)
    await shopper.add("SF-3001", "2", key=key)
    assert "This was added already." in shopper.text
    await shopper.add("SF-3002", "1", key=key)
    assert "Return cart (2)" in shopper.text
    await shopper.add("SF-3001", "3")
    await shopper.go(shopper.prefix + "cart")
    assert [f.get("value") for f in shopper.page.xpath("//div[@class='quantity']/input")] == ["5", "1"]


async def test_the_cart_changes_quantities_and_takes_lines_out(buyer: BuyerSide, shopper: Shopper) -> None:
    await shopper.go(buyer.punch_out())
    await shopper.add("SF-3001", "2")
    await shopper.add("SF-3002", "1")
    await shopper.go(shopper.prefix + "cart")
    await shopper.quantities(change={"SF-3001": "10"})
    assert "The cart was updated." in shopper.text
    assert "EUR 76.00" in shopper.text.replace("\xa0", " ")
    await shopper.quantities(remove=shopper.line_id("SF-3002"))
    assert shopper.rows() == ["Nitrile gloves, powder-free, size M, box of 100"]


async def test_a_wrong_quantity_in_the_cart_keeps_the_right_ones(buyer: BuyerSide, shopper: Shopper) -> None:
    await shopper.go(buyer.punch_out())
    await shopper.add("SF-3001", "2")
    await shopper.add("SF-3002", "1")
    await shopper.go(shopper.prefix + "cart")
    answer = await shopper.quantities(change={"SF-3001": "7", "SF-3002": "many"})
    assert answer.status_code == 400
    assert [f.get("value") for f in shopper.page.xpath("//div[@class='quantity']/input")] == ["7", "many"]
    assert "Enter a plain number, without separators between thousands." in shopper.text


async def test_quantities_that_were_typed_and_not_saved_are_shown_before_they_go_home(
    buyer: BuyerSide, shopper: Shopper
) -> None:
    await shopper.go(buyer.punch_out())
    await shopper.add("SF-3001", "2")
    await shopper.go(shopper.prefix + "cart")
    answer = await shopper.quantities("return", change={"SF-3001": "50"})
    assert answer.status_code == 409
    assert "The cart has changed since you saw it." in shopper.text
    assert "EUR 347.50" in shopper.text.replace("\xa0", " ")
    (sent,) = returned_cart(await shopper.quantities("return")).lines
    assert sent.quantity.amount == 50


async def test_two_windows_share_a_cart_and_the_later_change_counts_with_a_notice(
    buyer: BuyerSide, shopper: Shopper, gateway: Gateway
) -> None:
    await shopper.go(buyer.punch_out())
    await shopper.add("SF-3001", "2")
    other = Shopper(shopper.app)
    await other.go(shopper.prefix + "cart")
    await shopper.go(shopper.prefix + "cart")
    await other.quantities(change={"SF-3001": "5"})
    await shopper.quantities(change={"SF-3001": "8"})
    assert "The cart was changed in another window meanwhile." in shopper.text
    answer = await other.quantities("return")
    assert answer.status_code == 409
    assert "The cart has changed since you saw it." in other.text


async def test_a_line_without_unspsc_goes_home_only_with_the_shoppers_tick(buyer: BuyerSide, shopper: Shopper) -> None:
    await shopper.go(buyer.punch_out())
    await shopper.add("LU-1130", "1.5")
    await shopper.go(shopper.prefix + "cart")
    (link,) = shopper.page.xpath("//section[contains(@class,'warn')]//a")
    assert shopper.page.xpath("//*[@id=$id]", id=link.get("href").removeprefix("#"))
    answer = await shopper.quantities("return")
    assert answer.status_code == 409
    assert "Please tick" in shopper.text
    assert len(returned_cart(await shopper.quantities("return", seen="yes")).lines) == 1


@pytest.mark.parametrize(
    ("settings", "said"), [({"missing_unspsc": "ignore"}, ""), ({"missing_unspsc": "block"}, "cannot be returned yet")]
)
async def test_what_stands_in_the_way_is_agreed_with_the_partner(
    buyer: BuyerSide, shopper: Shopper, settings: dict[str, str], said: str
) -> None:
    buyer.agree(settings={"shop": settings})
    await shopper.go(buyer.punch_out())
    await shopper.add("LU-1130", "1.5")
    await shopper.go(shopper.prefix + "cart")
    answer = await shopper.quantities("return", seen="yes")
    assert answer.status_code == (409 if said else 200)
    assert said in shopper.text


async def test_an_edit_keeps_auxiliary_ids_and_shows_what_vanished_until_the_shopper_decides(
    buyer: BuyerSide, shopper: Shopper
) -> None:
    lines = (line("SF-3001", "5", "aux-1"), line("GONE-9", "2", "aux-2", "Old product"), line("SF-3002", "1"))
    await shopper.go(buyer.punch_out("edit", lines=lines, buyer_cookie="other"))
    assert str(shopper.answer.url).endswith("/cart")
    assert "You are changing a cart of your system" in shopper.text
    assert "Old product" in shopper.rows()
    answer = await shopper.quantities("return")
    assert answer.status_code == 409
    await shopper.quantities(remove=shopper.line_id("GONE-9"))
    cart = returned_cart(await shopper.quantities("return"))
    first, second = cart.lines
    assert (first.item.supplier_id, first.item.supplier_auxiliary_id) == ("SF-3001", "aux-1")
    assert first.quantity.amount == 5
    assert second.item.supplier_auxiliary_id
    assert not set(second.item.supplier_auxiliary_id) & set("?{}")
    assert cart.buyer_cookie == "other"


async def test_an_edit_shows_where_the_price_is_another_one_now(buyer: BuyerSide, shopper: Shopper) -> None:
    lines = (line("SF-3001", "5", price="7.00"), line("SF-3002", "5", price="8.40"))
    await shopper.go(buyer.punch_out("edit", lines=lines))
    told = shopper.page.xpath("//li[.//p[contains(., 'In your requisition')]]//h2")
    assert [" ".join(h.text_content().split()) for h in told] == ["Nitrile gloves, powder-free, size M, box of 100"]
    assert "In your requisition: EUR 7.00" in shopper.text.replace("\xa0", " ")


async def test_an_edit_that_empties_the_cart_returns_it_empty_with_a_tick(buyer: BuyerSide, shopper: Shopper) -> None:
    await shopper.go(buyer.punch_out("edit", lines=(line("SF-3001", "5", "aux-1"),)))
    await shopper.quantities(remove=shopper.line_id("SF-3001"))
    assert (await shopper.quantities("return")).status_code == 409
    answer = await shopper.quantities("return", seen="yes")
    assert returned_cart(answer).lines == ()
    assert returned(answer).envelope.status is None


async def test_a_new_cart_that_is_empty_cannot_be_returned(buyer: BuyerSide, shopper: Shopper) -> None:
    await shopper.go(buyer.punch_out())
    await shopper.go(shopper.prefix + "cart")
    assert "The cart is empty." in shopper.text
    assert not shopper.page.xpath("//button[contains(@formaction,'return')]")


@pytest.mark.parametrize("operation", ["create", "edit", "inspect"])
async def test_leaving_says_that_nothing_changes(buyer: BuyerSide, shopper: Shopper, operation: str) -> None:
    lines = () if operation == "create" else (line("SF-3001", "5", "aux-1"),)
    await shopper.go(buyer.punch_out(operation, lines=lines))
    answer = await shopper.post("leave", key=shopper.key)
    message = returned(answer)
    assert message.envelope.status is not None
    assert message.envelope.status.code == 204
    assert returned_cart(answer).lines == ()


async def test_who_would_lose_a_cart_by_leaving_is_asked(buyer: BuyerSide, shopper: Shopper) -> None:
    await shopper.go(buyer.punch_out())
    await shopper.add("SF-3001")
    await shopper.post("leave", key=shopper.key)
    assert "The cart with 1 line will be lost." in shopper.text
    answer = await shopper.post("leave", key=shopper.key, sure="yes")
    assert returned_cart(answer).unchanged


async def test_inspecting_changes_nothing_by_any_post(buyer: BuyerSide, shopper: Shopper) -> None:
    await shopper.go(buyer.punch_out("inspect", lines=(line("SF-3001", "5", "aux-1"),)))
    assert "nothing can be changed here" in shopper.text
    assert not shopper.page.xpath("//main//form//button | //main//input[not(@type='hidden')]")
    prefix, line_id = shopper.prefix, shopper.line_id("SF-3001")
    tried = 0
    for endpoint in ENDPOINTS:
        if "POST" not in endpoint.methods or endpoint.path.endswith("/leave"):
            continue
        fields = {"sku": "SF-3001", "quantity": "1", "key": "k", "remove": line_id, f"quantity-{line_id}": "9"}
        answer = await shopper.post(endpoint.path.rpartition("/")[2], **fields)
        assert answer.status_code == 403
        tried += 1
        await shopper.go(prefix + "cart")
        assert "Cart (1)" in shopper.text
        assert "EUR 42.00" in shopper.text.replace("\xa0", " ")
    assert tried >= 3


@pytest.mark.parametrize("button", ["return", "leave"])
async def test_after_going_home_every_page_says_that_the_session_has_ended(
    buyer: BuyerSide, shopper: Shopper, button: str, clock: SetClock
) -> None:
    await shopper.go(buyer.punch_out())
    await shopper.add("SF-3001")
    await shopper.go(shopper.prefix + "cart")
    prefix, fields = shopper.prefix, {**shopper.fields("cart"), "sure": "yes"}
    await shopper.post(button, **fields)
    clock.move(visits.DOUBLE_PRESS + timedelta(seconds=1))
    for path in ("", "cart", "item/SF-3001", "selected"):
        answer = await shopper.go(prefix + path)
        assert answer.status_code == 410
        assert "Your session has ended" in shopper.text
        assert "SF-3001" not in answer.text
    for path in ("add", "cart", "return", "leave"):
        assert (await shopper.send("POST", prefix + path, fields)).status_code == 410


async def test_a_double_press_on_return_gets_the_same_message_and_another_key_does_not(
    buyer: BuyerSide, shopper: Shopper
) -> None:
    await shopper.go(buyer.punch_out())
    await shopper.add("SF-3001")
    await shopper.go(shopper.prefix + "cart")
    prefix, fields = shopper.prefix, shopper.fields("cart")
    first = await shopper.send("POST", prefix + "return", fields)
    second = await shopper.send("POST", prefix + "return", fields)
    late = await shopper.send("POST", prefix + "return", {**fields, "key": "another"})
    assert first.text == second.text
    assert late.status_code == 410


async def test_an_old_cart_may_be_edited_only_as_far_as_was_allowed(buyer: BuyerSide, shopper: Shopper) -> None:
    await shopper.go(buyer.punch_out())
    await shopper.add("SF-3001")
    await shopper.go(shopper.prefix + "cart")
    (sent,) = returned_cart(await shopper.quantities("return")).lines
    await shopper.go(buyer.punch_out("edit", lines=(line("SF-3001", "5", sent.item.supplier_auxiliary_id),)))
    cart = returned_cart(await shopper.quantities("return"))
    (again,) = cart.lines
    assert again.item.supplier_auxiliary_id == sent.item.supplier_auxiliary_id


async def test_the_selected_item_or_shelf_is_opened(buyer: BuyerSide, shopper: Shopper) -> None:
    for selected, opened in (("SF-3001", "/item/SF-3001"), ("tools", "?shelf=tools"), ("pliers", "?q=pliers")):
        await shopper.go(buyer.punch_out(selected=ItemRef(supplier_id=selected)))
        assert str(shopper.answer.url).endswith(opened)
        assert shopper.answer.status_code == 200


@pytest.mark.parametrize(
    ("asked", "accepted", "said", "amount"),
    [
        ("de-DE", "en", "Warenkorb übergeben (1)", "8,40 EUR"),
        ("es-MX", "en", "Devolver carrito (1)", "EUR 8.40"),
        ("pt", "en", "Devolver carrinho (1)", "EUR 8,40"),
        ("fr-CA", "en", "Renvoyer le panier (1)", "8,40 EUR"),
        ("it", "fr;q=0.8, de", "Warenkorb übergeben (1)", "8,40 EUR"),
        (None, "ja", "Return cart (1)", "EUR 8.40"),
        ("x" * 300, "es", "Devolver carrito (1)", "8,40 EUR"),
    ],
)
async def test_language_and_formats_come_from_the_request_or_else_the_browser(
    buyer: BuyerSide, gateway: Gateway, asked: str | None, accepted: str, said: str, amount: str
) -> None:
    shopper = Shopper(application(gateway), language=accepted)
    await shopper.go(buyer.punch_out(language=asked))
    await shopper.add("SF-3001")
    text = shopper.text.replace("\xa0", " ")
    assert said in text
    assert f"{said} {amount}" in text


async def test_pages_of_a_list_lead_on_and_back(buyer: BuyerSide, shopper: Shopper) -> None:
    await shopper.go(buyer.punch_out())
    seen = shopper.rows()
    while following := shopper.page.xpath("//a[@rel='next']/@href"):
        await shopper.go(following[0])
        seen += shopper.rows()
    assert len(seen) == len(set(seen)) == 76


@pytest.mark.parametrize(
    "query", ["?page=0", "?page=-1", "?page=x", "?page=9999", "?shelf=nowhere", "?q=%FF", "?note=evil"]
)
async def test_any_address_in_the_shop_is_a_page(buyer: BuyerSide, shopper: Shopper, query: str) -> None:
    await shopper.go(buyer.punch_out())
    answer = await shopper.go(shopper.prefix + query)
    assert answer.status_code == 200
    assert "evil" not in shopper.text


async def test_what_a_buyer_wrote_is_never_markup(buyer: BuyerSide, shopper: Shopper) -> None:
    evil = "</form><script>alert(1)</script>\"'>"
    await shopper.go(buyer.punch_out("edit", lines=(line("GONE", "1", evil, evil),), buyer_cookie=evil))
    assert evil in shopper.rows()
    assert not shopper.page.xpath("//script[not(@src)]")
    await shopper.quantities(remove=shopper.line_id("GONE"))
    answer = await shopper.quantities("return", seen="yes")
    assert not shopper.page.xpath("//script[not(@src)]")
    assert returned_cart(answer).buyer_cookie == evil


async def test_each_answer_names_who_may_frame_it_and_keeps_nothing(buyer: BuyerSide, shopper: Shopper) -> None:
    buyer.agree(frame_origins=["https://portal.buyer.example", "https://bad origin;"])
    await shopper.go(buyer.punch_out())
    prefix = shopper.prefix
    for path in ("", "cart", "item/SF-3001", "item/NOPE", "?q=none"):
        headers = (await shopper.go(prefix + path)).headers
        policy = headers["content-security-policy"]
        assert "frame-ancestors https://portal.buyer.example https://buyer.example;" in policy
        assert "script-src 'self';" in policy
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "strict-origin"
        assert "x-frame-options" not in headers
        assert "content-encoding" not in headers


async def test_only_the_return_page_may_post_to_the_buyer(buyer: BuyerSide, shopper: Shopper) -> None:
    buyer.agree(return_hosts=["buyer.example", "*.sso.example", "http://intranet.example:8080"])
    await shopper.go(buyer.punch_out())
    await shopper.add("SF-3001")
    assert shopper.answer.headers["content-security-policy"].endswith("form-action 'self'")
    await shopper.go(shopper.prefix + "cart")
    policy = (await shopper.quantities("return")).headers["content-security-policy"]
    assert policy.endswith(
        "form-action 'self' https://buyer.example https://*.sso.example http://intranet.example:8080"
    )


async def test_two_shoppers_have_two_carts(buyer: BuyerSide, shopper: Shopper) -> None:
    other = Shopper(shopper.app)
    await shopper.go(buyer.punch_out())
    await other.go(buyer.punch_out())
    await shopper.add("SF-3001")
    await other.go(other.prefix + "cart")
    assert "Return cart (0)" in other.text


async def test_a_session_ends_when_nobody_is_there_and_after_its_longest_life(
    buyer: BuyerSide, shopper: Shopper, clock: SetClock
) -> None:
    await shopper.go(buyer.punch_out())
    prefix = shopper.prefix
    clock.move(visits.IDLE_LIFE - timedelta(seconds=1))
    assert (await shopper.go(prefix)).status_code == 200
    for _ in range(30):
        clock.move(timedelta(minutes=20))
        last = await shopper.go(prefix)
    assert last.status_code == 410
    await shopper.go(buyer.punch_out())
    clock.move(visits.IDLE_LIFE)
    assert (await shopper.go(shopper.prefix)).status_code == 410


async def test_a_partner_that_is_switched_off_has_no_shop_any_more(buyer: BuyerSide, shopper: Shopper) -> None:
    await shopper.go(buyer.punch_out())
    prefix = shopper.prefix
    url = buyer.punch_out()
    buyer.agree(active=False)
    assert (await shopper.go(prefix)).status_code == 410
    assert (await shopper.go(url)).status_code == 410


async def test_a_forged_token_is_410_and_in_the_audit_record(
    buyer: BuyerSide, shopper: Shopper, gateway: Gateway
) -> None:
    answer = await shopper.go("/p/" + "A" * 43 + "/cart")
    assert answer.status_code == 410
    assert "frame-ancestors *;" in answer.headers["content-security-policy"]
    assert not shopper.page.xpath("//a | //form | //input")
    with gateway.database.read() as session:
        (entry,) = session.exec(select(AuditRow)).all()
    assert (entry.event, entry.data["why"]) == ("shop_token_refused", "unknown")
    assert "AAAA" not in str(entry)


async def test_a_flood_of_forged_tokens_is_slowed_and_does_not_lock_out_the_neighbour(
    buyer: BuyerSide, shopper: Shopper, gateway: Gateway
) -> None:
    other = Shopper(shopper.app)
    await other.go(buyer.punch_out())
    statuses = [(await shopper.go(f"/p/{number:043}/")).status_code for number in range(60)]
    assert statuses[-1] == 429
    assert (await other.go(other.prefix)).status_code == 200
    with gateway.database.read() as session:
        assert len(session.exec(select(AuditRow)).all()) < 40


async def test_a_page_view_is_noted_at_most_once_a_minute(
    buyer: BuyerSide, shopper: Shopper, gateway: Gateway, clock: SetClock
) -> None:
    await shopper.go(buyer.punch_out())

    def seen() -> object:
        with Session(gateway.database.engine) as session:
            return session.exec(select(PunchoutSessionRow.last_seen_at)).one()

    first = seen()
    clock.move(timedelta(seconds=30))
    await shopper.go(shopper.prefix)
    assert seen() == first
    clock.move(timedelta(seconds=31))
    await shopper.go(shopper.prefix)
    assert seen() != first
