"""Units of measure: UN/ECE Recommendation 20 codes, and what other worlds call the same unit.

The table holds the units that trade uses; `known` says whether a code is one of them. Names that mean different things
to different systems (`BX`: a box in X12, nothing in Rec 20; `CS`, `PK`) are mapped only through the code list they come
from, and never guessed: what no table maps is held for a person.
"""

from collections.abc import Mapping
from enum import StrEnum

from schemas.base import Canonical


class CodeList(StrEnum):
    REC20 = "rec20"
    X12 = "x12"
    SAP = "sap"
    WORDS = "words"


class Unit(Canonical, frozen=True, kw_only=True):
    """One unit: its Rec 20 code (Rec 21 packages with their X prefix), its name, and its codes elsewhere."""

    code: str
    name: str
    x12: tuple[str, ...] = ()
    sap: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    whole: bool = False


_TABLE = """
C62|one, piece|PCE PC EA|ST PC EA|unit units each piece pieces|whole
EA|each|||EACH|whole
H87|piece||||whole
PR|pair|PR|PAA|pair pairs|whole
DZN|dozen|DZ|DZ|dozen|whole
GRO|gross|GR|GRO|gross|whole
SET|set|ST|SET|set sets|whole
KT|kit|KT|KIT|kit kits|whole
NAR|number of articles||||whole
CEN|hundred|HU||hundred|whole
MIL|thousand||TS|thousand|whole
XBX|box|BX|KI|box boxes|whole
XCT|carton|CT|KAR|carton cartons|whole
XCS|case|CA CS|CS|case cases|whole
XPK|package|PK|PAK|pack packs package packages|whole
XPA|packet|PA||packet|whole
XPX|pallet|PF PL|PAL|pallet pallets|whole
XBG|bag|BG|BAG|bag bags|whole
XBO|bottle|BO|FLA|bottle bottles|whole
XCA|can, rectangular|CN|CAN|can cans|whole
XTU|tube|TB|TUB|tube tubes|whole
XRO|roll|RL RO|ROL|roll rolls|whole
XDR|drum|DR|DR|drum drums|whole
XBE|bundle|BD BE|BDL|bundle bundles|whole
XSA|sack|SJ||sack sacks|whole
XST|sheet||||whole
ST|sheet|SH||sheet sheets|whole
XRM|ream||||whole
RM|ream|RM||ream reams|whole
XSX|set||||whole
XBJ|bucket|||bucket|whole
XJR|jar|JR||jar jars|whole
XCR|crate|CR|KI1|crate crates|whole
XPU|tray|PU||tray trays|whole
KGM|kilogram|KG|KG|kg kilo kilogram kilograms|
GRM|gram||G GR|g gram grams|
MGM|milligram|ME|MG|mg milligram|
TNE|tonne (metric ton)|MP|TO|tonne tonnes|
LBR|pound|LB|LB|lb lbs pound pounds|
ONZ|ounce (avoirdupois)|OZ|OZ|oz ounce ounces|
STN|ton (US), short ton||TON||
MTR|metre|MR|M|m metre metres meter meters|
CMT|centimetre|CM|CM|cm centimetre centimeter|
MMT|millimetre|MM|MM|mm millimetre millimeter|
KMT|kilometre|DK|KM|km kilometre kilometer|
INH|inch|IN|IN|inch inches|
FOT|foot|FT LF|FT|foot feet|
YRD|yard|YD|YD|yard yards|
MTK|square metre|SM|M2|m2 sqm|
FTK|square foot|SF|FT2|sqft|
CMK|square centimetre|SC|CM2|cm2|
MTQ|cubic metre||M3|m3 cbm|
CMQ|cubic centimetre|CC|CCM|cm3|
DMQ|cubic decimetre||CD3|dm3|
LTR|litre|LT|L|l litre litres liter liters|
MLT|millilitre|ML|ML|ml millilitre milliliter|
CLT|centilitre||CL|cl|
HLT|hectolitre||HL|hl|
GLL|gallon (US)|GA|GAL|gallon gallons|
GLI|gallon (UK)||||
OZA|fluid ounce (US)|FO||floz|
PTL|liquid pint (US)|PT|PT||
QT|quart (US)|QT|QT||
SEC|second|03|S|second seconds|
MIN|minute|MJ|MIN|minute minutes|
HUR|hour|HR|STD H|h hour hours|
DAY|day|DA|TAG|day days|
WEE|week|WK|WCH|week weeks|
MON|month|MO|MON|month months|
ANN|year|YR|JHR|year years|
KWH|kilowatt hour|KH|KWH|kwh|
P1|percent|P1|%|percent|
E48|service unit|||service|
LS|lump sum|LS|LE|lumpsum|
E51|job|JB||job|
LEF|leaf||||
PF|pallet (lift)||||whole
PA|packet||||whole
"""


def _rows() -> tuple[Unit, ...]:
    rows = []
    for row in _TABLE.strip().splitlines():
        code, name, x12, sap, words, whole = row.split("|")
        rows.append(
            Unit(
                code=code,
                name=name,
                x12=tuple(x12.split()),
                sap=tuple(sap.split()),
                words=tuple(words.split()),
                whole=bool(whole),
            )
        )
    return tuple(rows)


UNITS: tuple[Unit, ...] = _rows()
_BY_CODE = {unit.code: unit for unit in UNITS}


def _codes_of(unit: Unit, code_list: CodeList) -> tuple[str, ...]:
    match code_list:
        case CodeList.REC20:
            return (unit.code,)
        case CodeList.X12:
            return unit.x12
        case CodeList.SAP:
            return unit.sap
        case CodeList.WORDS:
            return unit.words


_LISTS: dict[CodeList, dict[str, str]] = {
    code_list: {code.casefold(): unit.code for unit in UNITS for code in _codes_of(unit, code_list)}
    for code_list in CodeList
}


def known(code: str) -> bool:
    """Whether this is, letter for letter, one of the Rec 20 codes of the table."""
    return code in _BY_CODE


def unit(code: str) -> Unit:
    """Raises KeyError for a code that `known` denies."""
    return _BY_CODE[code]


def to_rec20(
    text: str | None, *, own: Mapping[str, str] | None = None, lists: tuple[CodeList, ...] = (CodeList.REC20,)
) -> str | None:
    """The Rec 20 code for a partner's word, or None: then a person decides, it is never taken as "each".

    `own` is the partner's own table (word in any case -> Rec 20 code) and wins; then the code lists in their order.
    Case is ignored and surrounding blanks are dropped."""
    word = (text or "").strip().casefold()
    if not word:
        return None
    for key, code in (own or {}).items():
        if key.strip().casefold() == word:
            return code
    return next((table[word] for table in map(_LISTS.__getitem__, lists) if word in table), None)


def from_rec20(code: str, code_list: CodeList) -> str | None:
    """What another code list calls this unit: its first code there, or None when it has none."""
    unit_ = _BY_CODE.get(code)
    codes = _codes_of(unit_, code_list) if unit_ else ()
    return codes[0] if codes else None
