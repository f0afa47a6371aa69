"""Approval limits as CSV: `login`, `currency`, `amount`, out and in.

An empty amount takes the limit away; what the file does not name stays. Before anything is changed, every difference is
listed, and everything that is wrong is said at once with its line. The text is UTF-8, else Windows-1252; separated by
comma, semicolon or tab as the header shows; with a decimal dot, or a comma where the separator is none."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from io import StringIO
from typing import Final

from sqlmodel import Session

from app.flows import keep_profile
from app.gateway import Gateway
from app.storage import approver_profiles, people
from app.storage.people import PersonRow
from protocols.numbers import plain
from schemas.money import CURRENCIES, Money

COLUMNS: Final = ("login", "currency", "amount")
MOST_LINES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Wrong:
    line: int
    message: str
    found: str


@dataclass(frozen=True, slots=True)
class Difference:
    """`before` or `after` is None where there is no limit."""

    login: str
    name: str
    currency: str
    before: Decimal | None
    after: Decimal | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file would change. `equal` limits it names are as they should be. Nothing is done while `wrong` has an
    entry."""

    differences: tuple[Difference, ...]
    equal: int
    wrong: tuple[Wrong, ...]

    @property
    def digest(self) -> str:
        """The same for the same differences: whoever agrees to them names it."""
        return sha256(repr(self.differences).encode()).hexdigest()


def rows(session: Session, among: list[PersonRow]) -> Iterator[tuple[str, str, str]]:
    """The limits of these people, in the order of logins."""
    logins = {person.id: person.login for person in among}
    found = [
        (logins[limit.person_id], limit.currency, f"{limit.amount:f}")
        for person in among[:1]
        for limit in approver_profiles.limits(session, person.realm)
        if limit.person_id in logins
    ]
    yield from sorted(found)


def plan(session: Session, among: list[PersonRow], body: bytes) -> Plan:
    """Holds the file against what is kept; people who are not `among` these are unknown."""
    known = {person.login: person for person in among}
    kept = {
        (limit.person_id, limit.currency): limit.amount
        for person in among[:1]
        for limit in approver_profiles.limits(session, person.realm)
    }
    differences: list[Difference] = []
    wrong: list[Wrong] = []
    seen: dict[tuple[str, str], int] = {}
    equal = 0
    for line, (login, currency, amount), problem in _lines(body):
        person = known.get(people.folded(login))
        money = None if problem or not amount else _money(amount, currency)
        if problem:
            wrong.append(Wrong(line, problem, login))
        elif person is None:
            wrong.append(Wrong(line, "there is nobody with this login", login))
        elif (before_line := seen.setdefault((person.id, currency), line)) != line:
            wrong.append(Wrong(line, f"line {before_line} sets the same limit", f"{login} {currency}"))
        elif isinstance(money, str):
            wrong.append(Wrong(line, money, f"{amount} {currency}"))
        else:
            before, after = kept.get((person.id, currency)), money.amount if money else None
            if before == after:
                equal += 1
            else:
                differences.append(Difference(person.login, person.name, currency, before, after))
    return Plan(tuple(differences), equal, tuple(wrong))


def _lines(body: bytes) -> Iterator[tuple[int, tuple[str, str, str], str | None]]:
    """Line number, the three cells, and what keeps the line from being read."""
    nothing = ("", "", "")
    text = text_of(body)
    separator = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(StringIO(text), delimiter=separator, strict=True)
    try:
        header = [cell.strip().casefold() for cell in next(reader, [])]
        if sorted(set(header) & set(COLUMNS)) != sorted(COLUMNS) or len(set(header)) != len(header):
            yield 1, nothing, f"the first line names the columns {', '.join(COLUMNS)}"
            return
        for values in reader:
            if reader.line_num > MOST_LINES:
                yield reader.line_num, nothing, f"a file has at most {MOST_LINES} lines"
                return
            if len(values) != len(header):
                if any(values):
                    yield reader.line_num, nothing, f"has {len(values)} cells where the first line has {len(header)}"
                continue
            row = dict(zip(header, (value.strip() for value in values), strict=True))
            amount = row["amount"] if separator == "," else row["amount"].replace(",", ".")
            yield reader.line_num, (row["login"].removeprefix("'"), row["currency"].upper(), amount), None
    except csv.Error as error:
        yield reader.line_num, nothing, f"cannot be read as CSV: {error}"


def text_of(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")


def _money(amount: str, currency: str) -> Money | str:
    """Or what is wrong with it. More decimals than the currency has are refused: `1.000` may mean a thousand."""
    number = plain(amount)
    if number is None:
        return "is no number such as 5000.00"
    try:
        money = Money(amount=number, currency=currency)
    except ValueError as error:
        return str(error)
    if -int(number.as_tuple().exponent) > CURRENCIES[currency]:
        return f"has more decimals than {currency}"
    return "is below zero" if number < 0 else money


def apply(
    tx: Session,
    gateway: Gateway,
    among: list[PersonRow],
    differences: tuple[Difference, ...],
    *,
    actor: str,
    channel: str,
) -> None:
    """Each with its own entry in the record."""
    known = {person.login: person for person in among}
    for one in differences:
        person = known[one.login]
        if one.after is None:
            keep_profile.drop_limit(tx, gateway, person, one.currency, actor=actor, channel=channel)
        else:
            limit = Money(amount=one.after, currency=one.currency)
            keep_profile.set_limit(tx, gateway, person, limit, actor=actor, channel=channel)
