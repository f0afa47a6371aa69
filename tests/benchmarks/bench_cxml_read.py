"""cXML OrderRequest, bytes to canonical with findings and DTD check, against a bare parse and against one loop.

    python tests/benchmarks/bench_cxml_read.py

prints for 10 and 1,000 lines the best times and the ratios. Aim: at most 3 times the loop, stretch 2.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

from benchmarks.references import bare_parse, read_every_element, times
from benchmarks.verdicts import verdict

from protocols.cxml.documents import receive
from protocols.cxml.envelope import open_document
from schemas.order import Order

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE cXML SYSTEM "http://xml.cxml.org/schemas/cXML/1.2.071/cXML.dtd">
<cXML payloadID="20260302T102200.88.12@buyer.example" timestamp="2026-03-02T10:22:00+01:00" xml:lang="en-GB">
  <Header>
    <From><Credential domain="DUNS"><Identity>123456789</Identity></Credential></From>
    <To><Credential domain="NetworkId"><Identity>CROSSDOCK-T</Identity></Credential></To>
    <Sender>
      <Credential domain="NetworkId"><Identity>HUB-1</Identity><SharedSecret>s3cret</SharedSecret></Credential>
      <UserAgent>ProcureApp 7</UserAgent>
    </Sender>
  </Header>
  <Request deploymentMode="production">
    <OrderRequest>
      <OrderRequestHeader orderID="PO-9" orderDate="2026-03-02T10:22:00+01:00" type="new">
        <Total><Money currency="EUR">{total}</Money></Total>
        <ShipTo>
          <Address isoCountryCode="DE" addressID="W-1">
            <Name xml:lang="de">Werk Eins</Name>
            <PostalAddress name="default">
              <DeliverTo>Jana Beispiel</DeliverTo>
              <Street>Hafenstraße 5</Street>
              <City>Bremen</City>
              <PostalCode>28195</PostalCode>
              <Country isoCountryCode="DE">Deutschland</Country>
            </PostalAddress>
          </Address>
        </ShipTo>
        <BillTo>
          <Address isoCountryCode="DE" addressID="HQ"><Name xml:lang="de">Beispiel GmbH</Name></Address>
        </BillTo>
        <Extrinsic name="project">P-77</Extrinsic>
      </OrderRequestHeader>
"""
LINE = """      <ItemOut quantity="{quantity}" lineNumber="{number}" requestedDeliveryDate="2026-03-09T08:00:00+01:00">
        <ItemID>
          <SupplierPartID>PAPER-{number}</SupplierPartID>
          <SupplierPartAuxiliaryID>c41-{number}</SupplierPartAuxiliaryID>
        </ItemID>
        <ItemDetail>
          <UnitPrice><Money currency="EUR">{price}</Money></UnitPrice>
          <Description xml:lang="en">Paper A4, 80 g, white, number {number}</Description>
          <UnitOfMeasure>XRM</UnitOfMeasure>
          <Classification domain="UNSPSC">14111507</Classification>
          <ManufacturerPartID>A4-80</ManufacturerPartID>
          <ManufacturerName>Papermill</ManufacturerName>
          <Extrinsic name="recycled">yes</Extrinsic>
        </ItemDetail>
        <Distribution>
          <Accounting name="cost">
            <Segment type="CostCenter" id="4711" description="Office"/>
            <Segment type="GLAccount" id="6815" description="Supplies"/>
          </Accounting>
          <Charge><Money currency="EUR">{amount}</Money></Charge>
        </Distribution>
        <Comments xml:lang="en">on pallets</Comments>
      </ItemOut>
"""
TAIL = "    </OrderRequest>\n  </Request>\n</cXML>\n"


def order_of(lines: int) -> bytes:
    body = "".join(
        LINE.format(
            number=number,
            quantity=number % 40 + 1,
            price=f"{number * 7 % 50_000 / 100 + 0.05:.2f}",
            amount=f"{number * 17 % 90_000 / 100 + 0.1:.2f}",
        )
        for number in range(1, lines + 1)
    )
    return (HEAD.format(total=f"{24 * lines}.00") + body + TAIL).encode()


def main() -> None:
    for lines, rounds in ((10, 300), (1000, 15)):
        body = order_of(lines)
        root = bare_parse(body)
        received = receive(body)
        assert isinstance(received.document, Order)
        assert received.findings == ()
        parse, loop, whole, opened = times(
            lambda body=body: bare_parse(body),
            lambda root=root: read_every_element(root),
            lambda body=body: receive(body),
            lambda body=body: open_document(body),
            rounds=rounds,
        )
        print(f"{lines} lines, {len(body):,} bytes, {read_every_element(root):,} elements")
        print(f"  bare parse {parse * 1e3:8.3f} ms   loop {loop * 1e3:8.3f} ms   canonical {whole * 1e3:8.3f} ms")
        print(f"  of it parse, envelope and DTD check {opened * 1e3:8.3f} ms")
        print(
            f"  canonical / bare parse {whole / parse:5.2f}   canonical / loop {whole / loop:5.2f}   "
            f"canonical / (parse + loop) {whole / (parse + loop):5.2f}   "
            f"canonical without its parse / loop {(whole - parse) / loop:5.2f}"
        )
        verdict(f"cXML order of {lines} lines to canonical / one loop", whole / loop, most=3)


if __name__ == "__main__":
    main()
