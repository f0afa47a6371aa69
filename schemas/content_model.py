"""What may stand inside an element, in what order, and which attributes it carries.

The notation, one definition each (`schemas/cxml/*.txt`):

    Name, Name = content @ attributes
    content      A, B?, C*, D+, (X | Y)   enforced order      TEXT       character data
                 ANY   any declared markup   EMPTY   nothing     MIX(X)     text mixed with X
                 OPEN  a subtree outside our scope: taken off before validation
    attributes   name  name!  (required)  =a|b  (only these)  ='text'  (only this)  (x)  default  :ID  its type

It can be rendered as a DTD almost letter by letter. `Model.misfits` says in plain words what a DTD validator only
refuses; it follows the same definition, so that the two cannot disagree about the rule.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple


class BadDefinition(ValueError):
    """A definition that does not follow the notation."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """
    values    the only values allowed, in order; empty: any text.
    type      the DTD's attribute type where it is neither text nor a list of values.
    fixed     the only value allowed, where it is a text with blanks.
    """

    name: str
    required: bool = False
    values: tuple[str, ...] = ()
    default: str | None = None
    type: str = "CDATA"
    fixed: str | None = None

    def as_dtd(self) -> str:
        kind = f"({'|'.join(self.values)})" if self.values else self.type
        if self.fixed is not None:
            rule = f'#FIXED "{self.fixed}"'
        elif self.default is not None:
            rule = f'"{self.default}"'
        else:
            rule = "#REQUIRED" if self.required else "#IMPLIED"
        return f"{self.name} {kind} {rule}"

    @property
    def is_restricted(self) -> bool:
        return bool(self.values) or self.fixed is not None or self.type != "CDATA"

    def refuses(self, value: str) -> str | None:
        """What the value would have to be, or None when it is right. IDs are only looked at as names."""
        if self.values and value not in self.values:
            return _one_of(self.values) if len(self.values) > 1 else f"{self.values[0]}, or left out"
        if self.fixed is not None and value != self.fixed:
            return repr(self.fixed)
        if self.type in ("ID", "IDREF") and not _XML_NAME.fullmatch(value):
            return "a name: a letter, then letters, digits, '.', '-' or '_'"
        if self.type.startswith("NMTOKEN") and not _XML_NAME.fullmatch(f"_{value}" if value else "") and not self.fixed:
            return "one word of letters, digits, '.', '-', '_' or ':'"
        return None


class Misfit(NamedTuple):
    """`child` is the index of the child at fault, or None when something is missing."""

    child: int | None
    message: str


class Automaton(NamedTuple):
    """`steps[state]` maps the names that may come next to the state they lead to; 0 is the start."""

    steps: tuple[dict[str, int], ...]
    accepting: frozenset[int]


@dataclass(frozen=True)
class Model:
    """One element's definition."""

    name: str
    content: str
    attributes: dict[str, Attribute] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return self.content == "OPEN"

    @property
    def takes_text(self) -> bool:
        return self.content in ("TEXT", "ANY") or self.content.startswith("MIX(")

    @cached_property
    def children(self) -> tuple[str, ...]:
        """The names that may stand inside, in the order of the definition; none for ANY, which takes all."""
        return () if self.content in _WORDS else tuple(dict.fromkeys(_NAME.findall(self.content.removeprefix("MIX"))))

    def as_dtd(self) -> str:
        """The element and its attributes as DTD declarations; an open one as empty, as its content is taken off."""
        match self.content:
            case "TEXT":
                content = "(#PCDATA)"
            case "OPEN":
                content = "EMPTY"
            case "ANY" | "EMPTY":
                content = self.content
            case mixed if mixed.startswith("MIX("):
                content = f"(#PCDATA | {mixed[4:-1]})*"
            case sequence:
                content = f"({sequence})"
        declarations = [f"<!ELEMENT {self.name} {content}>"]
        if self.attributes:
            attributes = "\n  ".join(attribute.as_dtd() for attribute in self.attributes.values())
            declarations.append(f"<!ATTLIST {self.name}\n  {attributes}>")
        return "\n".join(declarations)

    @cached_property
    def automaton(self) -> Automaton:
        return _compiled(self.content)

    def misfits(self, children: Sequence[str]) -> Iterator[Misfit]:
        """What is wrong with these child elements, all of it: after each fault the reading goes on from the likeliest
        place, so that one missing element does not make a fault of everything behind it."""
        if self.content == "ANY":
            return
        if self.content in _WORDS or self.content.startswith("MIX("):
            holds = "" if self.children else f", which holds {'text' if self.content == 'TEXT' else 'nothing'}"
            for at, name in enumerate(children):
                if name not in self.children:
                    yield Misfit(at, f"{name} is not allowed in {self.name}{holds}")
        else:
            yield from self._out_of_order(children)

    def _out_of_order(self, children: Sequence[str]) -> Iterator[Misfit]:
        steps, accepting = self.automaton
        last_place = {name: at for at, name in enumerate(children)}
        seen: set[str] = set()
        early: set[str] = set()
        state, last = 0, ""
        for at, name in enumerate(children):
            if name not in self.children:
                yield Misfit(at, f"{name} is not allowed in {self.name}")
                continue
            if name not in steps[state]:
                way = self._way(state, self._before(name))
                if way is None:
                    only_one = name in seen and not any(name in steps[s[name]] for s in steps if name in s)
                    reason = f"only one {name} is allowed" if only_one else f"{name} cannot stand after {last}"
                    yield Misfit(at, f"{reason} in {self.name}")
                    continue
                expected = [*(word for words, _ in way for word in words), *steps[state]]
                if later := [word for word in expected if last_place.get(word, 0) > at]:
                    early.add(name)
                    yield Misfit(at, f"{name} stands too early in {self.name}: {later[0]} comes before it")
                    continue
                for words, _ in way:
                    if early.isdisjoint(words):
                        yield Misfit(None, f"{_one_of(words)} is missing before {name}")
                state = way[-1][1]
            state, last = steps[state][name], name
            seen.add(name)
        for words, _ in self._way(state, accepting) or ():
            if early.isdisjoint(words):
                yield Misfit(None, f"{_one_of(words)} is missing")

    def _before(self, name: str) -> frozenset[int]:
        return frozenset(state for state, names in enumerate(self.automaton.steps) if name in names)

    def _way(self, state: int, goals: frozenset[int]) -> list[tuple[tuple[str, ...], int]] | None:
        """The shortest way from a state to a goal: for each step the names that would do, and the state that the first
        of them leads to. None when there is no way."""
        steps = self.automaton.steps
        distance = dict.fromkeys(goals, 0)
        nearer = goals
        while state not in distance and nearer:
            nearer = frozenset(
                s for s, names in enumerate(steps) if s not in distance and not nearer.isdisjoint(names.values())
            )
            distance |= dict.fromkeys(nearer, max(distance.values()) + 1)
        if state not in distance:
            return None
        way: list[tuple[tuple[str, ...], int]] = []
        while distance[state]:
            words = tuple(n for n, s in steps[state].items() if distance.get(s) == distance[state] - 1)
            state = steps[state][words[0]]
            way.append((words, state))
        return way


def parse_attributes(text: str) -> dict[str, Attribute]:
    """Raises BadDefinition."""
    attributes: dict[str, Attribute] = {}
    rest = re.sub(r"\|\s+", "|", text).strip()
    while rest:
        match = _ATTRIBUTE.match(rest)
        if match is None or match["name"] in attributes:
            raise BadDefinition(f"not an attribute, or a second one of its name: {rest!r}")
        attributes[match["name"]] = Attribute(
            name=match["name"],
            required=bool(match["required"]),
            values=tuple(match["values"].split("|")) if match["values"] else (),
            default=match["default"],
            type=match["type"] or "CDATA",
            fixed=match["fixed"],
        )
        rest = rest[match.end() :]
    return attributes


def parse_definitions(line: str) -> tuple[Model, ...]:
    """`A, B = content @ attributes`, one model for each name. Raises BadDefinition."""
    names, equals, definition = line.partition(" = ")
    content, _, attributes = definition.partition("@")
    content = content.strip()
    if not equals or not content:
        raise BadDefinition(f"not a definition: {line!r}")
    models = tuple(
        Model(name=name.strip(), content=content, attributes=parse_attributes(attributes)) for name in names.split(",")
    )
    if any(not _NAME.fullmatch(model.name) for model in models):
        raise BadDefinition(f"not a definition: {line!r}")
    return models


_WORDS = ("TEXT", "ANY", "EMPTY", "OPEN")
_NAME = re.compile(r"[A-Za-z][\w:.-]*")
_XML_NAME = re.compile(r"[^\W\d][\w:.\-·]*|:[\w:.\-·]*")
_SYMBOL = re.compile(r"\s*([A-Za-z][\w:.-]*|[(),|?*+])")
_ATTRIBUTE = re.compile(
    r"(?P<name>[A-Za-z][\w:.-]*?)(?::(?P<type>ID|IDREF|NMTOKENS?))?(?P<required>!)?"
    r"(?:='(?P<fixed>[^']*)'|=(?P<values>[\w.|]+))?(?:\((?P<default>[\w -]+)\))?(?:\s+|$)"
)


def _one_of(names: Sequence[str]) -> str:
    if len(names) <= 4:
        return " or ".join(names)
    return f"one of {', '.join(names[:4])} or {len(names) - 4} others"


class _Part(NamedTuple):
    """A piece of a content model, by its places: whether it may be empty, where it can begin, where it can end."""

    empty: bool
    first: tuple[int, ...]
    last: tuple[int, ...]


class _Compiler:
    """Glushkov's construction: one state for each name in the model. XML requires content models to be deterministic,
    so the automaton is."""

    def __init__(self, content: str) -> None:
        self.content = content
        self.symbols = _SYMBOL.findall(content)
        if "".join(self.symbols) != re.sub(r"\s", "", content):
            raise BadDefinition(f"not a content model: {content!r}")
        self.at = 0
        self.names = [""]
        self.follow: list[list[int]] = [[]]

    def automaton(self) -> Automaton:
        whole = self._group(end=None)
        self.follow[0] = list(whole.first)
        steps = []
        for places in self.follow:
            names = {self.names[place]: place for place in places}
            if len(names) != len(set(places)):
                raise BadDefinition(f"not deterministic: {self.content!r}")
            steps.append(names)
        return Automaton(tuple(steps), frozenset(whole.last) | ({0} if whole.empty else set()))

    def _next(self) -> str | None:
        symbol = self.symbols[self.at] if self.at < len(self.symbols) else None
        self.at += 1
        return symbol

    def _group(self, end: str | None) -> _Part:
        parts = [self._particle()]
        separator = None
        while (symbol := self._next()) != end:
            if symbol not in (",", "|") or separator not in (None, symbol):
                raise BadDefinition(f"not a content model: {self.content!r}")
            separator = symbol
            parts.append(self._particle())
        return self._choice(parts) if separator == "|" else self._sequence(parts)

    def _particle(self) -> _Part:
        symbol = self._next()
        if symbol == "(":
            part = self._group(end=")")
        elif symbol and _NAME.fullmatch(symbol):
            place = len(self.names)
            self.names.append(symbol)
            self.follow.append([])
            part = _Part(empty=False, first=(place,), last=(place,))
        else:
            raise BadDefinition(f"not a content model: {self.content!r}")
        occurrence = self.symbols[self.at] if self.at < len(self.symbols) else ""
        if occurrence in ("?", "*", "+"):
            self.at += 1
            if occurrence != "?":
                self._join(part.last, part.first)
            part = part._replace(empty=part.empty or occurrence != "+")
        return part

    def _join(self, ends: tuple[int, ...], beginnings: tuple[int, ...]) -> None:
        for end in ends:
            self.follow[end] += [place for place in beginnings if place not in self.follow[end]]

    def _choice(self, parts: list[_Part]) -> _Part:
        return _Part(
            empty=any(part.empty for part in parts),
            first=tuple(place for part in parts for place in part.first),
            last=tuple(place for part in parts for place in part.last),
        )

    def _sequence(self, parts: list[_Part]) -> _Part:
        whole = parts[0]
        for part in parts[1:]:
            self._join(whole.last, part.first)
            whole = _Part(
                empty=whole.empty and part.empty,
                first=whole.first + part.first if whole.empty else whole.first,
                last=whole.last + part.last if part.empty else part.last,
            )
        return whole


def _compiled(content: str) -> Automaton:
    return _Compiler(content).automaton()
