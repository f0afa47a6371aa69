"""Documents made from content models: the smallest valid ones, and those with one thing wrong."""

from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from math import inf
from xml.sax.saxutils import quoteattr

from schemas.content_model import Attribute, Model

SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"


class Instances:
    """Elements as XML text. Of models that are open only the name is known, so they come out empty."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self.models = models
        self._size: dict[str, float] = {}
        self._texts: dict[str, str] = {}
        changed = True
        while changed:
            changed = False
            for name in models:
                _, size = self.way(name)
                if size + 1 < self._size.get(name, inf):
                    self._size[name] = size + 1
                    changed = True

    def way(self, name: str, through: tuple[int, int] | None = None) -> tuple[list[str], float]:
        """The smallest valid children and their size; `through` names an edge of the automaton to be on the way."""
        model = self.models[name]
        if not is_sequence(model):
            return [], 0
        if through is None:
            return self._shortest(model, 0, None)
        source, target = through
        before, size = self._shortest(model, 0, source)
        label = next(n for n, s in model.automaton.steps[source].items() if s == target)
        after, rest = self._shortest(model, target, None)
        return [*before, label, *after], size + self._size.get(label, inf) + rest

    def _shortest(self, model: Model, start: int, goal: int | None) -> tuple[list[str], float]:
        steps, accepting = model.automaton
        queue: list[tuple[float, int, list[str]]] = [(0, start, [])]
        done: set[int] = set()
        while queue:
            size, state, names = heappop(queue)
            if state in done:
                continue
            done.add(state)
            if state == goal or (goal is None and state in accepting):
                return names, size
            for name, after in steps[state].items():
                if self._size.get(name, inf) < inf:
                    heappush(queue, (size + self._size[name], after, [*names, name]))
        return [], inf

    def minimal(self, name: str) -> str:
        if name not in self._texts:
            children, size = self.way(name)
            assert size < inf, f"no finite {name}"
            self._texts[name] = self.element(name, children)
        return self._texts[name]

    def element(self, name: str, children: Sequence[str], *, attributes: str | None = None, text: str = "") -> str:
        if attributes is None:
            attributes = self.attributes(name, [a for a in self.models[name].attributes.values() if a.required])
        inside = "".join(self.minimal(child) if child in self.models else f"<{child}/>" for child in children)
        spaces = f' xmlns:ds="{SIGNATURE}"' if name == "ds:Signature" else ""
        return f"<{name}{spaces}{attributes}>{text}{inside}</{name}>"

    def attributes(self, name: str, attributes: Sequence[Attribute]) -> str:
        return "".join(f" {a.name}={quoteattr(right_value(a))}" for a in attributes if not a.name.startswith("xmlns"))

    def edges(self, name: str) -> Iterator[tuple[int, int]]:
        model = self.models[name]
        if is_sequence(model):
            for state, names in enumerate(model.automaton.steps):
                yield from ((state, after) for after in names.values())


def is_sequence(model: Model) -> bool:
    return model.content not in ("TEXT", "ANY", "EMPTY", "OPEN") and not model.content.startswith("MIX(")


def right_value(attribute: Attribute) -> str:
    if attribute.fixed is not None:
        return attribute.fixed
    return attribute.values[0] if attribute.values else "x"


def wrong_values(attribute: Attribute) -> Iterator[str]:
    if attribute.values:
        yield from ("", "no_such_value", attribute.values[0].swapcase() + "_")
    elif attribute.fixed is not None:
        yield from ("", "x")
    elif attribute.type in ("ID", "IDREF", "NMTOKEN"):
        yield from ("", "two words", "a!b")


def valid(instances: Instances, name: str) -> Iterator[str]:
    """Every child at every place where it may follow another, every attribute, every value of every attribute."""
    model = instances.models[name]
    yield instances.minimal(name)
    for edge in instances.edges(name):
        yield instances.element(name, instances.way(name, edge)[0])
    children = instances.way(name)[0]
    required = [a for a in model.attributes.values() if a.required]
    for attribute in model.attributes.values():
        if attribute.type == "IDREF":
            continue  # It would have to name an element with that ID, and only wrappers have one.
        others = [a for a in required if a is not attribute]
        for value in attribute.values or (right_value(attribute),):
            yield instances.element(
                name, children, attributes=f"{instances.attributes(name, others)} {attribute.name}={quoteattr(value)}"
            )
    if model.takes_text:
        yield instances.element(name, [], text="9.95")
        for child in model.children:
            yield instances.element(name, [child, child], text="text and ")
    if model.content == "ANY":
        yield instances.element(name, ["Money", "Name"], text="text and ")


def mutated(instances: Instances, name: str) -> Iterator[str]:
    """One thing wrong in each, or at least something changed: a child that is missing, doubled, foreign or at another
    place, an attribute that is missing, unknown or has a wrong value, text where none may be."""
    model = instances.models[name]
    for children in sequences(instances, name):
        for at in range(len(children)):
            yield instances.element(name, [*children[:at], *children[at + 1 :]])
            yield instances.element(name, [*children[: at + 1], *children[at:]])
            if at:
                yield instances.element(
                    name, [*children[: at - 1], children[at], children[at - 1], *children[at + 1 :]]
                )
        for at in range(len(children) + 1):
            for foreign in {*model.children, "Money", "Undeclared"}:
                yield instances.element(name, [*children[:at], foreign, *children[at:]])
    children = instances.way(name)[0]
    required = [a for a in model.attributes.values() if a.required]
    for attribute in required:
        yield instances.element(
            name, children, attributes=instances.attributes(name, [a for a in required if a is not attribute])
        )
    for attribute in model.attributes.values():
        others = instances.attributes(name, [a for a in required if a is not attribute])
        for value in wrong_values(attribute):
            yield instances.element(name, children, attributes=f"{others} {attribute.name}={quoteattr(value)}")
    yield instances.element(name, children, attributes=instances.attributes(name, required) + ' undeclared="x"')
    yield instances.element(name, children, attributes=instances.attributes(name, required) + ' xml:space="default"')
    for text in ("text", " ", " "):
        yield instances.element(name, children, text=text)


def sequences(instances: Instances, name: str) -> list[list[str]]:
    """The smallest children, and one sequence for each child of the model."""
    found = {tuple(instances.way(name)[0])}
    if is_sequence(instances.models[name]):
        reached = {after: (state, after) for state, after in instances.edges(name)}
        found |= {tuple(instances.way(name, edge)[0]) for edge in reached.values()}
    return [list(children) for children in sorted(found)]
