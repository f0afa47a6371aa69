"""What the buttons of the editor do to the boxes of a draft: `add_step:stages.0`, `remove:match.of.2`.

A press also says where the reader goes on: the name of the box that the page jumps to."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from app.approval.flow import By
from app.web.admin.flow_editor.draft_form import COUNTED, GROUPS, INNER, KINDS, RULES, Box

_ROW: Final[Mapping[str, str]] = {"kind": "leaf", "field": "", "op": "", "with": "value"}


def press(boxes: Box, button: str) -> str:
    """Changes the boxes; "" for a button that there is not, or whose place is gone."""
    act, _, path = button.partition(":")
    work = _ACTS.get(act)
    return work(boxes, path) if work is not None else ""


def _at(boxes: Any, path: str) -> Any:
    """None where there is nothing."""
    node = boxes
    for part in path.split(".") if path else ():
        if isinstance(node, dict):
            node = node.get(part)
        elif isinstance(node, list) and part.isascii() and part.isdigit() and int(part[:5]) < len(node):
            node = node[int(part)]
        else:
            return None
    return node


def _list_in(boxes: Box, path: str, name: str) -> list[Any] | None:
    """The list of that name in the box, made where it is missing; None where there is no such box."""
    node = _at(boxes, path)
    if not isinstance(node, dict):
        return None
    if not isinstance(node.get(name), list):
        node[name] = []
    found: list[Any] = node[name]
    return found


def _keys(boxes: Box, name: str) -> set[str]:
    stages = [stage for stage in boxes.get("stages") or [] if isinstance(stage, dict)]
    steps = [step for stage in stages for step in stage.get("steps") or []]
    listed = steps if name == "step" else boxes.get(name) or []
    return {str(one.get("key")) for one in listed if isinstance(one, dict)}


def _free_key(boxes: Box, name: str) -> str:
    """Keys stay when rules move, so they are numbered by what is free, not by place."""
    taken, word = _keys(boxes, name), name.replace("_approve", "")
    return next(key for number in range(1, len(taken) + 2) if (key := f"{word}-{number}") not in taken)


def _add_rule(boxes: Box, path: str) -> str:
    rules = _list_in(boxes, "", path) if path in RULES else None
    if rules is None:
        return ""
    rules.append({"key": _free_key(boxes, path), "text": "", "when": dict(_ROW)})
    return f"{path}.{len(rules) - 1}"


def _add_stage(boxes: Box, _path: str) -> str:
    stages = _list_in(boxes, "", "stages")
    if stages is None:
        return ""
    stages.append({"kind": "stage", "steps": [_new_step(boxes)]})
    return f"stages.{len(stages) - 1}.steps.0"


def _add_step(boxes: Box, path: str) -> str:
    steps = _list_in(boxes, path, "steps") if path.startswith("stages.") else None
    if steps is None:
        return ""
    steps.append(_new_step(boxes))
    return f"{path}.steps.{len(steps) - 1}"


def _new_step(boxes: Box) -> Box:
    return {"key": _free_key(boxes, "step"), "name": "", "approver": {"by": By.ROLE.value, "name": ""}}


def _add_watcher(boxes: Box, path: str) -> str:
    watchers = _list_in(boxes, path, "watchers")
    if watchers is None:
        return ""
    watchers.append({"by": By.USER.value, "name": ""})
    return f"{path}.watchers.{len(watchers) - 1}"


def _add(boxes: Box, path: str) -> str:
    """A row or a group, as the select beside the button says: into a group, or beside a row, which then form one."""
    node = _at(boxes, path)
    if not isinstance(node, dict):
        return ""
    wanted = node.pop("new", "leaf")
    kind = node.get("kind") or ""
    if kind not in KINDS:
        node.clear()
        node.update(_new(wanted))
        return path
    if kind == "leaf":
        row = dict(node)
        node.clear()
        node.update({"kind": "all", "of": [row]})
    of = _list_in(boxes, path, "of")
    assert of is not None
    of.append(_new(wanted))
    return f"{path}.of.{len(of) - 1}"


def _new(kind: str) -> Box:
    if kind in GROUPS or kind in INNER:
        return {"kind": kind, "of": [dict(_ROW)]}
    if kind in COUNTED:
        return {"kind": kind, "of": [dict(_ROW)], "field": "line.net" if kind == "sum_lines" else ""}
    return dict(_ROW)


def _remove(boxes: Box, path: str) -> str:
    """A group that nothing is left in goes with its last row; where a whole condition goes, none is left."""
    parent_path, _, name = path.rpartition(".")
    parent, node = _at(boxes, parent_path), _at(boxes, path)
    if isinstance(parent, list) and node is not None:
        parent.pop(int(name))
        above = parent_path.rpartition(".")[0]
        if not parent and parent_path.endswith(".of"):
            return _remove(boxes, above)
        return f"{parent_path}.{min(int(name), len(parent) - 1)}" if parent else above
    if isinstance(node, dict) and "kind" in node:
        node.clear()
        node["kind"] = ""
        return path
    return ""


def _move(by: int) -> Callable[[Box, str], str]:
    def work(boxes: Box, path: str) -> str:
        parent_path, _, name = path.rpartition(".")
        parent = _at(boxes, parent_path)
        if not isinstance(parent, list) or _at(boxes, path) is None:
            return ""
        place = int(name)
        if 0 <= place + by < len(parent):
            parent[place], parent[place + by] = parent[place + by], parent[place]
            return f"{parent_path}.{place + by}"
        return path

    return work


_ACTS: Final[Mapping[str, Callable[[Box, str], str]]] = {
    "add_rule": _add_rule,
    "add_stage": _add_stage,
    "add_step": _add_step,
    "add_watcher": _add_watcher,
    "add": _add,
    "remove": _remove,
    "up": _move(-1),
    "down": _move(1),
}
