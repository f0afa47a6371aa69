"""Who a document says it is from, and whether it proves it."""

import base64
import pickle
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.cxml.credentials import (
    Credential,
    CredentialMac,
    MacVerdict,
    Secret,
    mac_of,
    named,
    preferred,
    same_secret,
    verify_mac,
)
from schemas.party import Identifier

PST = timezone(timedelta(hours=-8))
VECTORS = [
    ("abracadabra", "cR6Jpz58nriXERDN"),
    ("password", "5KMM/p4KtK5oAf/B"),
]


def of_2003(key: str, value: str, **changes: str) -> Credential:
    fields = {"creation": "2003-01-15T08:42:46-08:00", "expiration": "2003-01-15T11:42:46-08:00"} | changes
    return Credential(domain="NetworkId", identity="AN9900000100", mac=CredentialMac(value=Secret(value), **fields))


NOON = datetime(2003, 1, 15, 10, 0, tzinfo=PST)


@pytest.mark.parametrize(("key", "value"), VECTORS)
def test_a_mac_of_a_sender_for_itself(key: str, value: str) -> None:
    sender = of_2003(key, value)
    assert verify_mac(sender, [sender], [Secret("other"), Secret(key)], now=NOON) is MacVerdict.VALID
    assert verify_mac(sender, [sender], [Secret("other")], now=NOON) is MacVerdict.WRONG


def test_a_mac_of_a_hub_for_a_buyer_tries_each_from() -> None:
    mac = CredentialMac(
        value=Secret(" B2UM79gYJs5FbZ3C\n"),
        creation="2026-03-01T09:00:00+01:00",
        expiration="2026-03-01T10:00:00+01:00",
    )
    sender = Credential(domain=" networkid", identity="an01000000001-t ", mac=mac)
    market = Credential(domain="NetworkId", identity="MARKET", marketplace=True)
    buyer = Credential(domain="duns", identity="123456789")
    key = Secret("crossdock-demo")
    now = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
    assert verify_mac(sender, [market, buyer], [key], now=now) is MacVerdict.VALID
    assert verify_mac(sender, [market], [key], now=now) is MacVerdict.WRONG


@pytest.mark.parametrize(
    ("now", "skew", "verdict"),
    [
        (NOON - timedelta(hours=2), 0, MacVerdict.NOT_YET),
        (NOON + timedelta(hours=2), 0, MacVerdict.EXPIRED),
        (datetime(2003, 1, 15, 8, 42, 46, tzinfo=PST), 0, MacVerdict.VALID),
        (datetime(2003, 1, 15, 11, 42, 46, tzinfo=PST), 0, MacVerdict.VALID),
        (datetime(2003, 1, 15, 11, 43, 46, tzinfo=PST), 59, MacVerdict.EXPIRED),
        (datetime(2003, 1, 15, 11, 43, 46, tzinfo=PST), 60, MacVerdict.VALID),
        (datetime(2003, 1, 15, 8, 41, 46, tzinfo=PST), 60, MacVerdict.VALID),
    ],
)
def test_a_mac_holds_between_its_dates(now: datetime, skew: int, verdict: MacVerdict) -> None:
    sender = of_2003(*VECTORS[0])
    found = verify_mac(sender, [sender], [Secret("abracadabra")], now=now, skew=timedelta(seconds=skew))
    assert found is verdict


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"type": "Other"}, MacVerdict.UNKNOWN_METHOD),
        ({"algorithm": "HMAC-MD5"}, MacVerdict.UNKNOWN_METHOD),
        ({"creation": "?"}, MacVerdict.UNREADABLE_DATES),
        ({"expiration": "2003-01-15"}, MacVerdict.UNREADABLE_DATES),
        ({"expiration": "2003-01-15T11:42:47-08:00"}, MacVerdict.WRONG),
    ],
)
def test_a_mac_that_is_not_what_it_should_be(changes: dict[str, str], verdict: MacVerdict) -> None:
    sender = of_2003(*VECTORS[0], **changes)
    assert verify_mac(sender, [sender], [Secret("abracadabra")], now=NOON) is verdict


@given(st.integers(0, 95))
def test_one_bit_changed_is_wrong(bit: int) -> None:
    raw = bytearray(base64.b64decode("cR6Jpz58nriXERDN"))
    raw[bit // 8] ^= 1 << bit % 8
    sender = of_2003("abracadabra", base64.b64encode(raw).decode())
    assert verify_mac(sender, [sender], [Secret("abracadabra")], now=NOON) is MacVerdict.WRONG


def test_the_dates_count_as_the_text_that_came() -> None:
    who = Identifier(scheme="NetworkId", value="A")
    texts = ("2003-01-15T08:42:46-08:00", "2003-01-15T16:42:46+00:00")
    first, second = (mac_of(Secret("k"), who, who, text, "x") for text in texts)
    assert first != second


def test_any_of_the_valid_secrets_matches() -> None:
    valid = [Secret("old"), Secret("new")]
    assert same_secret(Secret("old"), valid)
    assert same_secret(Secret("new"), valid)
    assert not same_secret(Secret("New"), valid)
    assert not same_secret(Secret(""), [])
    assert same_secret(Secret("ü"), [Secret("ü")])


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret("canary-7")
    credential = Credential(domain="d", identity="i", secret=secret)
    assert "canary" not in repr(secret) + str(secret) + f"{secret}" + repr(credential)
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        msgspec.json.encode(credential)


def test_names_are_compared_trimmed_and_in_any_case() -> None:
    sent = [Credential(domain=" networkid ", identity=" an01-T"), Credential(domain="DUNS", identity="1")]
    assert named(sent, [Identifier(scheme="NetworkID", value="AN01-t ")]) is sent[0]
    assert named(sent, [Identifier(scheme="duns", value="1")]) is sent[1]
    assert named(sent, [Identifier(scheme="duns", value="2")]) is None


def test_the_preferred_domain_comes_first_and_a_marketplace_last() -> None:
    sent = [
        Credential(domain="NetworkId", identity="market", marketplace=True),
        Credential(domain="DUNS", identity="1"),
        Credential(domain="networkID", identity="2"),
    ]
    assert [c.identity for c in preferred(sent, ["NetworkId"])] == ["2", "1", "market"]
    assert [c.identity for c in preferred(sent, [])] == ["1", "2", "market"]
