"""The options of a select of fields. A large draft has some hundred selects of some seventy fields each, so they are
put together once a language."""

from functools import cache
from typing import Final

from markupsafe import Markup

from app.approval.fields import FIELDS
from app.web.admin.flow_editor.labels import AREAS, OWN_AREA
from app.web.admin.flow_editor.rows import ConditionRow
from app.web.language import translations
from app.web.orders.words import FIELD_NAMES

_OPTION: Final = Markup('<option value="{}">{}</option>')
_GROUP: Final = Markup('<optgroup label="{}">{}</optgroup>')


def field_options(language: str, row: ConditionRow) -> Markup:
    """With the field of the row chosen, also where it is none of those that belong there."""
    chosen = str(row.box.get("field") or "")
    offered = _options(language, row.in_line, row.kind == "sum_lines") + _own(language, row)
    value = Markup('value="{}"').format(chosen)
    if not chosen or value in offered:
        return Markup(offered.replace(value, value + Markup(" selected"), 1))  # noqa: S704 - parts were escaped
    name = translations(language).gettext(FIELD_NAMES[chosen]) if chosen in FIELDS else chosen
    return Markup("<option {} selected>{}</option>").format(value, name) + offered


def _own(language: str, row: ConditionRow) -> Markup:
    """The fields of the customer's own, under the names that were given to them."""
    options = Markup().join(_OPTION.format(field.key, field.label) for field in row.own)
    return _GROUP.format(translations(language).gettext(OWN_AREA), options) if options else options


@cache
def _options(language: str, in_line: bool, summed: bool) -> Markup:
    text = translations(language).gettext
    row = ConditionRow("", "", {"kind": "sum_lines" if summed else "leaf"}, in_line)
    groups = Markup()
    for area, fields in row.offered.items():
        options = Markup().join(_OPTION.format(field.key, text(FIELD_NAMES[field.key])) for field in fields)
        groups += _GROUP.format(text(AREAS[area]), options)
    return groups
