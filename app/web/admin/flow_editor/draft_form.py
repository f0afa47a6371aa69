"""A definition as the fields of a form, and back: `stages.0.steps.1.condition.of.0.field`.

In between stands a tree of boxes, dicts and lists of texts, which the page shows and the buttons change. Each box has
a text, so that an empty one is posted too. Whatever is posted becomes some definition; whether it is a good one is said
by `app.approval.definition`, which reads it. A definition that was read without fault comes back as it was."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from app.approval.fields import FIELDS, Catalogue
from app.approval.flow import By, LaterDate, OnSilence, OnTimeout, Rejects
from app.approval.operators import LISTS, NUMERIC, WITHOUT_VALUE, Operator, Type

Box = dict[str, Any]

RULES: Final = ("block", "warn", "auto_approve")
GROUPS: Final = ("all", "any")
INNER: Final = ("not", "any_line", "every_line")
COUNTED: Final = ("count_lines", "sum_lines")
KINDS: Final = ("leaf", *GROUPS, *INNER, *COUNTED)
OF_LINES: Final = ("any_line", "every_line", *COUNTED)
"""What is inside of these asks about lines."""
NAMED: Final = (By.USER, By.GROUP, By.ROLE)
"""Approvers of these kinds have a name that the author chooses."""

_LONGEST_NAME: Final = 300
_MOST_PARTS: Final = 40


# From the definition to boxes


def boxes(data: Mapping[str, Any]) -> Box:
    """Of a whole definition."""
    tolerance, back = _dict(data.get("tolerance")), _dict(data.get("send_back"))
    return {
        "match": condition_box(data.get("match")),
        **{name: [_rule_box(rule) for rule in _list(data.get(name))] for name in RULES},
        "stages": [
            {"kind": "stage", "steps": [step_box(step) for step in _list(_dict(stage).get("steps"))]}
            for stage in _list(data.get("stages"))
        ],
        "when_nobody_is_asked": _text(data.get("when_nobody_is_asked")) or "approve",
        "merge_consecutive": "yes" if data.get("merge_consecutive") is True else "",
        "final_approver": approver_box(data.get("final_approver")),
        "tolerance": {"percent": _text(tolerance.get("percent")), **_money_box(tolerance.get("amount"))},
        "later_date": _text(data.get("later_date")) or LaterDate.NOTIFY.value,
        "link_limit": _money_box(data.get("link_limit")),
        "send_back": {
            "allowed": "yes" if "send_back" in data else "",
            "due_hours": _text(back.get("due_hours")),
            "on_timeout": _text(back.get("on_timeout")) or OnSilence.NOTIFY.value,
        },
    }


def _rule_box(data: object) -> Box:
    rule = _dict(data)
    texts = {name: _text(rule.get(name)) for name in ("key", "text")}
    return {**texts, "when": condition_box(rule.get("when"))}


def condition_box(data: object) -> Box:
    if not isinstance(data, dict):
        return {"kind": ""}
    kind = next((name for name in KINDS if name in data), "leaf")
    inner = data.get(kind)
    if kind in GROUPS:
        return {"kind": kind, "of": [condition_box(part) for part in _list(inner)]}
    if kind in INNER:
        return {"kind": kind, "of": _parts(inner)}
    if kind in COUNTED:
        counted = _dict(inner)
        return {"kind": kind, "of": _parts(counted.get("where")), **_comparison_box(counted)}
    return {"kind": "leaf", **_comparison_box(data)}


def _parts(data: object) -> list[Box]:
    """What stands inside of one node: several that must all hold stand there side by side."""
    if isinstance(data, dict) and len(_list(data.get("all"))) > 1:
        return [condition_box(part) for part in data["all"]]
    return [condition_box(data)]


def _comparison_box(data: Mapping[str, Any]) -> Box:
    value = data.get("value")
    values = [_text(one) for one in value] if isinstance(value, list) else [_text(value)]
    between = data.get("op") == Operator.BETWEEN
    return {
        "field": _text(data.get("field")),
        "op": _text(data.get("op")),
        "with": "field" if "other_field" in data else "value",
        "value": "\n".join(values) if not between else "".join(values[:1]),
        "high": "".join(values[1:2]) if between else "",
        "currency": _text(data.get("currency")),
        "other": _text(data.get("other_field")),
    }


def step_box(data: object) -> Box:
    step = _dict(data)
    quorum, limit = step.get("quorum", "any"), step.get("min_limit")
    return {
        **{name: _text(step.get(name)) for name in ("key", "name", "due_hours", "remind_hours")},
        "approver": approver_box(step.get("approver")),
        "condition": condition_box(step.get("condition")),
        "quorum": "any" if quorum in ("any", 1) else "all" if quorum == "all" else "several",
        "several": "" if quorum in ("any", "all", 1) else _text(quorum),
        "reject": _text(step.get("reject")) or Rejects.FIRST.value,
        "min_limit": {
            "kind": "" if limit is None else "total" if limit == "total" else "amount",
            **_money_box(limit),
        },
        "on_timeout": _text(step.get("on_timeout")) or OnTimeout.NOTIFY.value,
        "escalate_to": approver_box(step.get("escalate_to")),
        "may_edit": {_text(name): "yes" for name in _list(step.get("may_edit"))},
        "allow_self": "yes" if step.get("allow_self") is True else "",
        "self_limit": _money_box(step.get("self_limit")),
        "watchers": [approver_box(watcher) for watcher in _list(step.get("watchers"))],
    }


def approver_box(data: object) -> Box:
    """Kinds whose names are fixed are chosen together with them: `field:cost_center.owner`."""
    kind, name = next(iter(_dict(data).items()), ("", ""))
    named = kind in NAMED or not kind
    return {"by": kind if named else f"{kind}:{_text(name)}", "name": _text(name) if named else ""}


def _money_box(data: object) -> Box:
    money = _dict(data)
    return {"amount": _text(money.get("amount")), "currency": _text(money.get("currency"))}


# From boxes to the definition


def definition(box: Mapping[str, Any], fields: Catalogue = FIELDS) -> dict[str, Any]:
    """What has its default is left out, as it is in a definition that was read. `fields`: what it may ask about."""
    match = condition(box.get("match"), fields)
    rules = {name: [_rule(rule, fields) for rule in _list(box.get(name))] for name in RULES}
    final, tolerance = approver(box.get("final_approver")), _tolerance(_dict(box.get("tolerance")))
    later, by_link = _text(box.get("later_date")), _money(box.get("link_limit"))
    back = _dict(box.get("send_back"))
    return {
        **({"match": match} if match is not None else {}),
        "block": rules["block"],
        **({"warn": rules["warn"]} if rules["warn"] else {}),
        "auto_approve": rules["auto_approve"],
        "stages": [
            {"steps": [step(one, fields) for one in _list(_dict(stage).get("steps"))]}
            for stage in _list(box.get("stages"))
        ],
        "when_nobody_is_asked": _text(box.get("when_nobody_is_asked")) or "approve",
        **({"merge_consecutive": True} if box.get("merge_consecutive") else {}),
        **({"final_approver": final} if final is not None else {}),
        **({"tolerance": tolerance} if tolerance else {}),
        **({"later_date": later} if later not in ("", LaterDate.NOTIFY) else {}),
        **({"link_limit": by_link} if by_link is not None else {}),
        **({"send_back": _send_back(back)} if back.get("allowed") else {}),
    }


def _send_back(box: Mapping[str, Any]) -> dict[str, Any]:
    on_timeout = _text(box.get("on_timeout"))
    return {
        **({"due_hours": _number(box.get("due_hours"))} if _text(box.get("due_hours")) else {}),
        **({"on_timeout": on_timeout} if on_timeout not in ("", OnSilence.NOTIFY) else {}),
    }


def _rule(box: object, fields: Catalogue) -> dict[str, Any]:
    rule = _dict(box)
    return {"key": _text(rule.get("key")), "text": _text(rule.get("text")), "when": condition(rule.get("when"), fields)}


def condition(box: object, fields: Catalogue = FIELDS) -> dict[str, Any] | None:
    """None where none is wanted."""
    node = _dict(box)
    kind, parts = _text(node.get("kind")), [_dict(part) for part in _list(node.get("of"))]
    inner = [part for part in (condition(one, fields) for one in parts) if part is not None]
    if kind in GROUPS:
        return {kind: inner}
    if kind in INNER:
        return {kind: _one_of(inner, fields)}
    if kind == "count_lines":
        operator = _operator(node, NUMERIC)
        return {kind: {"where": _one_of(inner, fields), "op": operator, **_wanted(node, operator, Type.INTEGER)}}
    if kind == "sum_lines":
        operator = _operator(node, NUMERIC)
        summed = {"field": _text(node.get("field")), "op": operator}
        return {kind: {"where": _one_of(inner, fields), **summed, **_wanted(node, operator, Type.MONEY)}}
    if kind == "leaf":
        return _leaf(node, fields)
    return None


def _one_of(parts: list[dict[str, Any]], fields: Catalogue) -> dict[str, Any]:
    """A node has one inner node: several are joined, and where there is none a row waits to be filled in."""
    return {"all": parts} if len(parts) > 1 else parts[0] if parts else _leaf({}, fields)


def _leaf(node: Mapping[str, Any], fields: Catalogue) -> dict[str, Any]:
    key = _text(node.get("field"))
    field = fields.get(key)
    if field is None:
        operator = _text(node.get("op"))
        return {"field": key, "op": operator, **_wanted(node, operator, None)}
    operator = _operator(node, field.operators)
    return {"field": key, "op": operator, **_wanted(node, operator, field.type)}


def _operator(node: Mapping[str, Any], allowed: Iterable[Operator]) -> str:
    """The first allowed one where another field was chosen, to which the operator of before says nothing."""
    listed = [operator.value for operator in allowed]
    chosen = _text(node.get("op"))
    return chosen if chosen in listed else listed[0]


def _wanted(node: Mapping[str, Any], operator: str, type_: Type | None) -> dict[str, Any]:
    if operator in WITHOUT_VALUE:
        return {}
    value, high = _text(node.get("value")), _text(node.get("high"))
    if node.get("with") == "field" and operator != Operator.BETWEEN and operator not in LISTS:
        return {"other_field": _text(node.get("other"))}
    chosen = _text(node.get("currency"))
    currency = {"currency": chosen} if type_ is Type.MONEY and chosen else {}
    if type_ is Type.INTEGER and operator not in LISTS:
        low = _whole(value.split("\n")[0])
        return {"value": [low, _whole(high)] if operator == Operator.BETWEEN else low}
    if operator == Operator.BETWEEN:
        return {"value": [value, high], **currency}
    if operator in LISTS:
        return {"value": [line for line in value.split("\n") if line.strip()]}
    return {"value": value.split("\n")[0], **currency}


def step(box: object, fields: Catalogue) -> dict[str, Any]:
    node = _dict(box)
    condition_ = condition(node.get("condition"), fields)
    escalate, self_limit = approver(node.get("escalate_to")), _money(node.get("self_limit"))
    limit, timeout = _limit(_dict(node.get("min_limit"))), _text(node.get("on_timeout"))
    watchers = [approver(watcher) or {By.USER.value: ""} for watcher in _list(node.get("watchers"))]
    editable = [name for name, ticked in _dict(node.get("may_edit")).items() if ticked]
    return {
        "key": _text(node.get("key")),
        "name": _text(node.get("name")),
        "approver": approver(node.get("approver")) or {By.USER.value: ""},
        "quorum": _quorum(node),
        "reject": _text(node.get("reject")) or Rejects.FIRST.value,
        **({"condition": condition_} if condition_ is not None else {}),
        **({"min_limit": limit} if limit is not None else {}),
        **{name: _number(node.get(name)) for name in ("due_hours", "remind_hours") if _text(node.get(name))},
        **({"on_timeout": timeout} if timeout not in ("", OnTimeout.NOTIFY) else {}),
        **({"escalate_to": escalate} if escalate is not None else {}),
        **({"may_edit": editable} if editable else {}),
        **({"allow_self": True} if node.get("allow_self") else {}),
        **({"self_limit": self_limit} if self_limit is not None else {}),
        **({"watchers": watchers} if watchers else {}),
    }


def _quorum(node: Mapping[str, Any]) -> object:
    chosen = _text(node.get("quorum"))
    if chosen == "several":
        return _number(node.get("several"))
    return "all" if chosen == "all" else 1


def _limit(box: Mapping[str, Any]) -> object:
    kind = box.get("kind")
    if kind == "amount":
        return {name: _text(box.get(name)) for name in ("amount", "currency")}
    return "total" if kind == "total" else None


def approver(box: object) -> dict[str, str] | None:
    node = _dict(box)
    kind, _, fixed = _text(node.get("by")).partition(":")
    return {kind: fixed or _text(node.get("name"))} if kind else None


def _tolerance(box: Mapping[str, Any]) -> dict[str, Any]:
    amount, percent = _money(box), _text(box.get("percent"))
    return {**({"percent": percent} if percent else {}), **({"amount": amount} if amount is not None else {})}


def _money(box: object) -> dict[str, str] | None:
    money = _dict(box)
    amount, currency = (_text(money.get(name)) for name in ("amount", "currency"))
    return {"amount": amount, "currency": currency} if amount else None


def _number(text: object) -> int | str:
    """A text that is no number stays as it was typed, to be shown with what is wrong with it."""
    plain = _text(text).strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 7 else plain


def _whole(text: str) -> int | str:
    """A number where a definition would write one, so that a form posted as it was shown changes nothing."""
    digits = text.removeprefix("-")
    plain = digits.isascii() and digits.isdigit() and len(digits) < 16 and str(int(text)) == text
    return int(text) if plain else text


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


# Between boxes and the fields of a form


def fields(box: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """What a browser posts of the page that shows these boxes. A box that is not ticked is not posted."""
    if isinstance(box, str):
        yield name, box
        return
    named = box.items() if isinstance(box, dict) else ((str(place), part) for place, part in enumerate(box))
    for part_name, part in named:
        yield from fields(part, f"{name}.{part_name}" if name else part_name)


def posted(pairs: Iterable[tuple[str, str]]) -> Box:
    """The boxes of what was posted; what fits nowhere is passed over."""
    tree: Box = {}
    for name, value in pairs:
        parts = name.split(".")
        if len(name) > _LONGEST_NAME or len(parts) > _MOST_PARTS:
            continue
        node: Any = tree
        for part in parts[:-1]:
            node = node.setdefault(part, {}) if isinstance(node, dict) else None
        if isinstance(node, dict) and not isinstance(node.get(parts[-1]), dict):
            node[parts[-1]] = value.replace("\r\n", "\n")
    listed = _listed(tree)
    return listed if isinstance(listed, dict) else {}


def _listed(node: Any) -> Any:
    """Dicts whose keys are all numbers are lists in their order."""
    if not isinstance(node, dict):
        return node
    if node and all(key.isascii() and key.isdigit() and len(key) < 5 for key in node):
        return [_listed(node[key]) for key in sorted(node, key=int)]
    return {key: _listed(part) for key, part in node.items()}
