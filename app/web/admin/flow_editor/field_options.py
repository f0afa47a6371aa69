"""The options of a select of fields. A large draft has some hundred selects of some seventy fields each, so they are
put together once a language."""

from functools import cache

from markupsafe import Markup

from app.approval.fields import FIELDS
from app.web.admin.flow_editor.labels import AREAS
from app.web.admin.flow_editor.rows import ConditionRow
from app.web.language import translations
from app.web.orders.words import FIELD_NAMES


def field_options(language: str, row: ConditionRow) -> Markup:
    """With the field of the row chosen, also where it is none of those that belong there."""
    chosen = str(row.box.get("field") or "")
    offered = _options(language, row.in_line, row.kind == "sum_lines")
    value = Markup('value="{}"').format(chosen)
    if not chosen or value in offered:
        return Markup(offered.replace(value, value + Markup(" selected"), 1))  # noqa: S704 - parts were escaped
    name = translations(language).gettext(FIELD_NAMES[chosen]) if chosen in FIELDS else chosen
    return Markup("<option {} selected>{}</option>").format(value, name) + offered


@cache
def _options(language: str, in_line: bool, summed: bool) -> Markup:
    text = translations(language).gettext
    row = ConditionRow("", "", {"kind": "sum_lines" if summed else "leaf"}, in_line)
    groups = Markup()
    for area, fields in row.offered.items():
        options = Markup().join(
            Markup('<option value="{}">{}</option>').format(field.key, text(FIELD_NAMES[field.key])) for field in fields
        )
        groups += Markup('<optgroup label="{}">{}</optgroup>').format(text(AREAS[area]), options)
    return groups
