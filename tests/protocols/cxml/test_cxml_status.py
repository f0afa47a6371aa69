"""Status codes, and the Response that carries one."""

from datetime import UTC, datetime

import pytest
from cxml_validity import is_valid

from protocols import xml
from protocols.cxml import profile, punchout_setup_response, status
from protocols.cxml.documents import receive
from protocols.cxml.envelope import open_document
from protocols.cxml.status import CODES, Status, http_status, of_refusal
from schemas.faults import Findings, Malformed, Rejected

AT = datetime(2026, 3, 2, 10, 15, 1, tzinfo=UTC)


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_written_valid_and_read_back(code: int) -> None:
    sent = Status(code=code, reason="Größe <M> & Co", language="en")
    body = status.write(sent, payload_id="r1@crossdock.example", at=AT)
    is_valid(body)
    received = receive(body)
    assert received.findings == ()
    assert received.envelope.status == Status(code=code, text=CODES[code], reason=sent.reason, language="en")
    assert (received.envelope.kind, received.envelope.payload_id) == ("Response", "r1@crossdock.example")


@pytest.mark.parametrize("code", [202, 299, 404, 405, 407, 408, 410, 455, 488, 501, 599])
def test_a_code_of_another_table_is_read_by_its_class_and_never_written(code: int) -> None:
    assert Status(code=code).acts_as == code // 100 * 100
    with pytest.raises(ValueError, match="no Status code"):
        status.write(Status(code=code), payload_id="r", at=AT)


@pytest.mark.parametrize("text", ["", "abc", "20", "2000", "-200", "199", "600", "٢٠٠", "2.0", " 200"])
def test_only_three_digits_of_a_known_class_are_a_code(text: str) -> None:
    head = '<cXML payloadID="r" timestamp="2026-03-02T10:15:01+00:00">'
    opened = open_document(f'{head}<Response><Status code="{text}" text="x"/></Response></cXML>'.encode())
    found = opened.envelope.status
    assert found == (Status(code=200, text="x") if text.strip() == "200" else None)
    assert [fault.code for fault in opened.source.faults] == ([] if found else ["status.unreadable"])


def test_only_success_carries_a_payload() -> None:
    for code in CODES:
        if code // 100 != 2:
            with pytest.raises(ValueError, match="2xx"):
                status.write(Status(code=code), payload_id="r", at=AT, payload=xml.element("PunchOutSetupResponse"))


@pytest.mark.parametrize(
    ("code", "plain", "mirrored"),
    [
        (200, 200, 200),
        (201, 200, 200),
        (204, 200, 200),
        (400, 200, 400),
        (401, 200, 401),
        (409, 200, 409),
        (450, 200, 501),
        (475, 200, 403),
        (499, 413, 413),
        (461, 200, 400),
        (455, 200, 400),
        (500, 200, 500),
        (551, 200, 502),
        (560, 503, 503),
        (599, 200, 500),
    ],
)
def test_http_says_200_unless_the_partner_looks_only_there(code: int, plain: int, mirrored: int) -> None:
    assert http_status(Status(code=code)) == plain
    assert http_status(Status(code=code), mirror=True) == mirrored


@pytest.mark.parametrize(
    ("kind", "code", "expected"),
    [
        (Malformed, "xml.not_well_formed", 406),
        (Malformed, "xml.too_large", 499),
        (Malformed, "attachment.too_large", 499),
        (Rejected, "price.not_a_number", 400),
    ],
)
def test_a_refusal_becomes_a_status_with_every_fault(
    kind: type[Malformed | Rejected], code: str, expected: int
) -> None:
    findings = Findings()
    findings.add(code, "/a", "is wrong", "x", line=3)
    findings.add(code, "/b", "is wrong too")
    answer = of_refusal(kind(findings.faults))
    assert answer.code == expected
    assert answer.reason == f"/a (line 3): is wrong (found 'x') [{code}]\n/b: is wrong too [{code}]"


def test_a_start_page_is_written_valid_and_read_back() -> None:
    url = "https://shop.example/p/x?v=1&l=<en>"
    body = punchout_setup_response.write(url, payload_id="r1", at=AT)
    is_valid(body)
    assert b"v=1&amp;l=" in body
    assert punchout_setup_response.read(open_document(body)) == url


def test_a_profile_is_written_valid_and_read_back() -> None:
    sent = profile.Profile(
        effective=AT,
        refreshed=AT,
        options=(profile.Option(name="service", value="shop"),),
        transactions=(
            profile.Transaction(name="ProfileRequest", url="https://shop.example/cxml"),
            profile.Transaction(
                name="PunchOutSetupRequest",
                url="https://shop.example/cxml?a=1&b=2",
                options=(profile.Option(name="operationAllowed", value="create inspect edit"),),
            ),
        ),
    )
    body = profile.write(sent, payload_id="r1", at=AT)
    is_valid(body)
    assert profile.read(open_document(body)) == sent
    assert receive(body).findings == ()


def test_a_profile_without_addresses_is_refused() -> None:
    body = profile.write(
        profile.Profile(effective=None, transactions=(profile.Transaction(name="", url=""),)), payload_id="r1", at=AT
    )
    with pytest.raises(Rejected, match="requestName"):
        profile.read(open_document(body))
