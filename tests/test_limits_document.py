"""docs/limits.md says what the code enforces: its tables are written from the code (`pytest --update-golden`)."""

from collections.abc import Iterable
from pathlib import Path

from app.settings import Settings
from app.transports import intake
from app.transports.http import bodies
from app.transports.http.connections import Patience
from app.web.admin import handlers as admin
from app.web.admin.flow_editor import draft, flows, transfer
from app.web.approvals import edit, together
from app.web.approvals import handlers as approvals
from app.web.desk import handlers as desk
from app.web.desk import together as cases_together
from app.web.forms import FormLimits
from app.web.orders import handlers as orders
from app.web.people import handlers as people
from app.web.routes import ENDPOINTS
from protocols import xml
from protocols.cxml import attachments

DOCUMENT = Path(__file__).parent.parent / "docs" / "limits.md"
BEGIN, END = "<!-- from the code: {} -->\n", "<!-- end -->"

FORMS: tuple[tuple[str, FormLimits], ...] = (
    ("sign-in", people.LIMITS),
    ("orders", orders.FORM),
    ("approvals", approvals.FORM),
    ("several approvals", together.FORM),
    ("changes by approvers", edit.FORM),
    ("desk", desk.FORM),
    ("several cases", cases_together.FORM),
    ("administration", admin.FORM),
    ("approval rules", flows.FORM),
    ("drafts of approval rules", draft.FORM),
    ("imports of approval rules", transfer.FORM),
)


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    lines = [list(heads), *([str(cell) for cell in row] for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def of(name: str) -> int:
    """The default of a setting, with which the row names it."""
    value = Settings.model_fields[name].default
    assert isinstance(value, int)
    return value


def number(value: float) -> str:
    return f"{value:,.0f}"


def setting(name: str) -> str:
    return f"`CROSSDOCK_{name.upper()}`"


def routes() -> str:
    rows = {
        f"`{endpoint.path}`": "the document's own limit" if endpoint.body_limit is None else number(endpoint.body_limit)
        for endpoint in ENDPOINTS
        if set(endpoint.methods) - {"GET", "HEAD"}
    }
    return table(("route", "bytes of a body"), rows.items())


def forms() -> str:
    rows = [(name, number(limits.fields), number(limits.size)) for name, limits in FORMS]
    return table(("forms of", "fields", "bytes of a field"), rows)


def documents() -> str:
    parts, limits = attachments.LIMITS, xml.LIMITS
    return table(
        ("of a document", "at most", "setting"),
        [
            ("bytes", number(of("intake_body")), setting("intake_body")),
            ("bytes of all that are taken in at once", number(of("intake_memory")), setting("intake_memory")),
            ("of these from one address", number(of("intake_memory") // 2), "half of it"),
            ("seconds for its body to come", number(bodies.SLOWEST), ""),
            ("elements", number(limits.elements), ""),
            ("levels", "256", "libxml2"),
            ("bytes of one text or one tag", number(10_000_000), "libxml2"),
            ("bytes before the payload, in which the sender must be named", number(limits.head), ""),
            ("entities that it declares", "0", ""),
            ("parts of a multipart body", number(parts.count), ""),
            ("bytes of a part", number(parts.part), ""),
            ("bytes of a part's headers", number(parts.head), ""),
            ("documents that are judged at the same time", number(intake.JUDGES), ""),
            ("documents that wait to be written", number(of("write_queue")), setting("write_queue")),
        ],
    )


def rates() -> str:
    return table(
        ("each minute", "at most", "setting"),
        [
            ("documents of one connection", number(of("posts_per_minute")), setting("posts_per_minute")),
            ("documents of unknown senders from one address", number(of("posts_per_minute") // 10), ""),
            ("wrong credentials from one address", number(intake.WRONG_PER_MINUTE), ""),
        ],
    )


def connections() -> str:
    patience = Patience()
    return table(
        ("of a connection", "at most", "setting"),
        [
            ("open at once", number(of("connections")), setting("connections")),
            ("seconds for the head of a request", number(patience.head_seconds), ""),
            ("bytes of a head", number(patience.head_bytes), ""),
            ("seconds for a body", number(patience.body_seconds), ""),
            (
                "seconds without the client reading "
                f"{number(patience.read_bytes)} bytes of an answer that waits for it",
                number(patience.read_seconds),
                "",
            ),
        ],
    )


TABLES = {
    "routes": routes,
    "forms": forms,
    "documents": documents,
    "rates": rates,
    "connections": connections,
}


def test_the_document_says_what_the_code_enforces(update: bool) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, made in TABLES.items():
        begin = BEGIN.format(name)
        before, _, rest = text.partition(begin)
        old, _, after = rest.partition(END)
        if update:
            text = before + begin + made() + END + after
        assert update or old == made(), f"{name}: run pytest --update-golden, then read the diff"
    if update:
        DOCUMENT.write_text(text, encoding="utf-8")
