"""Approval rules on an order, with three values and every answer's reasons, against a decision table of zen-engine.

    python tests/benchmarks/bench_approval.py

Both judge the same 20 rules on the same order of 50 lines and must give the same hits; ours gives the reasons of every
answer besides, zen the hits alone. Twice: from values that are read already (ours as they stand in the order, zen's as
a dict of floats), and from the canonical order on. Aim: twice zen's orders from
values; reading an order is the same work for both, so from the order on no fewer.
"""

import json
import sys
from collections.abc import Callable
from copy import copy
from decimal import Decimal
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

import zen
from approval_orders import AT, line, money, order
from benchmarks.references import times
from benchmarks.verdicts import verdict

from app.approval.condition_reader import ConditionReader
from app.approval.evaluate import Answer, Judgement, Node, compiled, judged
from app.approval.subject import Subject
from schemas.faults import Findings
from schemas.item import Price
from schemas.money import Money
from schemas.order import Order

LINES = 50
ROUNDS = 15
CALLS = 100


def _amount(field: str, op: str, value: object) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value, "currency": "EUR"}


def _is(field: str, op: str, value: object = None) -> dict[str, Any]:
    return {"field": field, "op": op, **({"value": value} if value is not None else {})}


RULES: tuple[tuple[dict[str, Any], str], ...] = (
    (_amount("order.total_net", ">", "5000.00"), "order.total_net > 5000"),
    (_amount("order.total_net", "between", ["100", "1000"]), "order.total_net >= 100 and order.total_net <= 1000"),
    (_is("order.line_count", ">", 40), "order.line_count > 40"),
    (_is("order.ship_to.country", "not_in", ["DE", "AT"]), 'order.country not in ["DE", "AT"]'),
    (_amount("order.largest_line", ">", "2000.00"), "order.largest_line > 2000"),
    (_is("order.protocol", "=", "cxml"), 'order.protocol == "cxml"'),
    (_is("order.currency", "in", ["EUR", "CHF"]), 'order.currency in ["EUR", "CHF"]'),
    (_is("order.sku_count", ">", 10), "order.sku_count > 10"),
    ({"any_line": _is("line.unspsc", "starts_with", "43")}, 'some(lines, startsWith(#.unspsc, "43"))'),
    ({"any_line": _is("line.unspsc", "starts_with", "46")}, 'some(lines, startsWith(#.unspsc, "46"))'),
    ({"every_line": _is("line.on_contract", "is_true")}, "all(lines, #.on_contract)"),
    ({"any_line": _is("line.price_deviation_percent", ">", "5")}, "some(lines, #.deviation > 5)"),
    (
        {"count_lines": {"where": _amount("line.net", ">", "500"), "op": ">", "value": 3}},
        "count(lines, #.net > 500) > 3",
    ),
    (
        {"sum_lines": {"where": _is("line.unspsc", "starts_with", "44"), **_amount("line.net", ">", "1000")}},
        'sum(map(filter(lines, startsWith(#.unspsc, "44")), #.net)) > 1000',
    ),
    (
        {"any_line": {"all": [_is("line.unspsc", "starts_with", "44"), _amount("line.net", ">", "300")]}},
        'some(lines, startsWith(#.unspsc, "44") and #.net > 300)',
    ),
    (
        {"any_line": {"any": [_is("line.name", "contains", "printer"), _is("line.unit", "=", "BX")]}},
        'some(lines, contains(#.name, "printer") or #.unit == "bx")',
    ),
    ({"any_line": _is("line.cost_center", "=", "4711")}, 'some(lines, #.cost_center == "4711")'),
    ({"every_line": _is("line.quantity", "<=", "1000")}, "all(lines, #.quantity <= 1000)"),
    (
        {"count_lines": {"where": {"not": _is("line.on_contract", "is_true")}, "op": ">=", "value": 1}},
        "count(lines, not #.on_contract) >= 1",
    ),
    ({"any_line": _is("line.is_free_text", "is_true")}, "some(lines, #.free_text)"),
)


def _order() -> tuple[Order, dict[int, Price]]:
    lines = [
        line(
            number,
            sku=f"A-{number % 30}",
            quantity=str(1 + number % 7),
            price=f"{9 + number * 3}.95",
            unspsc=f"{(43, 44, 31)[number % 3]}1217{number:02}",
            cost_center=str(4700 + number % 20),
        )
        for number in range(1, LINES + 1)
    ]
    agreed = {x.number: Price(amount=money(f"{9 + x.number * 3}.00")) for x in lines if x.number % 5}
    return order(*lines), agreed


def _subject(of: Order, agreed: dict[int, Price]) -> Subject:
    return Subject(order=of, protocol="cxml", customer="10001", at=AT, agreed=agreed)


def _nodes() -> list[Node]:
    reader = ConditionReader(Findings())
    read = [reader.read(condition, f"rules[{i}]") for i, (condition, _) in enumerate(RULES)]
    nodes = [compiled(condition) for condition in read if condition is not None]
    assert len(nodes) == len(RULES), reader.findings.faults

    return nodes


def from_order(nodes: list[Node], of: Order, agreed: dict[int, Price]) -> list[Judgement]:
    subject = _subject(of, agreed)
    return [judged(node, subject) for node in nodes]


def from_values(nodes: list[Node], of: Order, agreed: dict[int, Price]) -> Callable[[], list[Judgement]]:
    """Of an order whose fields have been read, and nothing else."""
    read = _subject(of, agreed)
    _ = [judged(node, read) for node in nodes], read.numbers
    values = {key: value for key, value in read.memo.items() if isinstance(key, str)}

    def work() -> list[Judgement]:
        subject = copy(read)
        subject.__dict__["memo"] = dict(values)
        return [judged(node, subject) for node in nodes]

    return work


def _number(value: Money | Decimal | None) -> float | None:
    return None if value is None else float(value.amount if isinstance(value, Money) else value)


def context(of: Order, agreed: dict[int, Price]) -> dict[str, Any]:
    """All that the rules ask about, ready."""
    subject = _subject(of, agreed)
    return {
        "order": {
            "total_net": _number(subject.total_net),
            "line_count": len(subject.lines),
            "country": subject.ship_to.country if subject.ship_to else None,
            "largest_line": _number(subject.largest_line),
            "protocol": subject.protocol,
            "currency": of.currency,
            "sku_count": len({x.line.item.supplier_id for x in subject.lines}),
        },
        "lines": [
            {
                "unspsc": x.classification("unspsc"),
                "on_contract": x.agreed is not None,
                "deviation": _number(x.price_deviation_percent) or 0.0,
                "net": _number(x.net),
                "name": (x.line.description.text or "").casefold() if x.line.description else "",
                "unit": (x.line.quantity.unit or "").casefold(),
                "cost_center": x.account("costcenter"),
                "quantity": _number(x.line.quantity.amount),
                "free_text": x.line.ad_hoc,
            }
            for x in subject.lines
        ],
    }


def zens() -> Any:
    table = {
        "hitPolicy": "collect",
        "inputs": [{"id": "c", "name": "condition"}],
        "outputs": [{"id": "o", "name": "rule", "field": "rule"}],
        "rules": [{"_id": str(i), "c": expression, "o": str(i)} for i, (_, expression) in enumerate(RULES)],
    }
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in", "position": {"x": 0, "y": 0}},
        {"id": "t", "type": "decisionTableNode", "name": "t", "position": {"x": 0, "y": 0}, "content": table},
        {"id": "out", "type": "outputNode", "name": "out", "position": {"x": 0, "y": 0}},
    ]
    edges = [{"id": f"{a}{b}", "sourceId": a, "targetId": b, "type": "edge"} for a, b in (("in", "t"), ("t", "out"))]
    graph = {"contentType": "application/vnd.gorules.decision", "nodes": nodes, "edges": edges}
    return zen.ZenEngine().create_decision(json.dumps(graph))


def hits(judgements: list[Judgement]) -> list[int]:
    return [i for i, judgement in enumerate(judgements) if judgement.answer is Answer.YES]


def main() -> None:
    of, agreed = _order()
    nodes, decision, given = _nodes(), zens(), context(of, agreed)
    agree = [row["rule"] for row in decision.evaluate(given)["result"]]
    assert hits(from_order(nodes, of, agreed)) == agree, (hits(from_order(nodes, of, agreed)), agree)

    def many(work: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(CALLS):
                work()

        return run

    works = (
        from_values(nodes, of, agreed),
        lambda: decision.evaluate(given),
        lambda: from_order(nodes, of, agreed),
        lambda: decision.evaluate(context(of, agreed)),
    )
    measured = times(*map(many, works), rounds=ROUNDS)
    print(f"{len(RULES)} rules, {LINES} lines, {len(agree)} hits")
    for name, (our_time, their_time) in (("values", measured[:2]), ("the order", measured[2:])):
        ours, theirs = CALLS / our_time, CALLS / their_time
        print(f"from {name}: ours {ours:,.0f} orders/s, zen {theirs:,.0f}")
        verdict(f"approval rules from {name}, orders/s / zen", ours / theirs, least=2 if name == "values" else 1)


if __name__ == "__main__":
    main()
