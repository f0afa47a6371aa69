"""Units of measure: UN/ECE Recommendation 20 codes, and what other worlds call the same unit.

The table holds the units that trade uses (packages from Recommendation 21 with their prefix X); `known` says whether a
code is one of them. Names that mean different things to different systems (`BX`: a box in X12, nothing in Rec 20 of
today; `PL`: a pallet in X12, a pail in the old Rec 20) are mapped only through the code list they come from, and words
that can mean two units (ounce, gallon, ton, pack, `m`) not at all: what no table maps is held for a person.
"""

from collections.abc import Mapping
from enum import StrEnum

from schemas.base import Canonical


class CodeList(StrEnum):
    """
    REC20  Recommendation 20 as of today.
    ISO    what SAP calls ISO codes and EDIFACT partners still send: Recommendation 20 from before packages moved to
           Recommendation 21, and PCE.
    X12    data element 355.
    SAP    internal units of table T006.
    WORDS  English words and signs.
    """

    REC20 = "rec20"
    ISO = "iso"
    X12 = "x12"
    SAP = "sap"
    WORDS = "words"


class Unit(Canonical, frozen=True, kw_only=True):
    """One unit: its Rec 20 code, its name there, and its codes elsewhere, the one to write first.

    iso    where it differs from the code.
    whole  it comes in whole numbers only; a dozen or a thousand does not, half of it is a number of pieces."""

    code: str
    name: str
    iso: tuple[str, ...] = ()
    x12: tuple[str, ...] = ()
    sap: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    whole: bool = False


_TABLE = """
C62|one||UN||unit units|whole
H87|piece|PCE|PC|ST|piece pieces|whole
EA|each||EA|EA|each|whole
PR|pair||PR|PAA|pair pairs|whole
SET|set||ST||set sets|whole
KT|kit||KT||kit kits|whole
NAR|number of articles|||||whole
NMP|number of packs|||||whole
DZN|dozen||DZ|DZ|dozen|
GRO|gross||GS|GRO|gross|
CEN|hundred||HU||hundred|
MIL|thousand||TH|TS|thousand|
XBX|box|BX|BX||box boxes|whole
XCT|carton|CT|CT|KAR|carton cartons|whole
XCS|case|CS|CA||case cases|whole
XPK|package|PK|PK|PAK|package packages|whole
XPA|packet|PA|12||packet packets|whole
XPX|pallet|PF|PL PF|PAL|pallet pallets|whole
XBG|bag|BG|BG|BAG|bag bags|whole
XBO|bottle, non-protected, cylindrical|BO|BO|FLA|bottle bottles|whole
XCA|can, rectangular|||||whole
XCX|can, cylindrical|||||whole
XTU|tube|TU|TB||tube tubes|whole
XRO|roll|RO|RL|ROL|roll rolls|whole
XDR|drum|DR|DR|DR|drum drums|whole
XBE|bundle|BE|BD||bundle bundles|whole
XSA|sack|SA|SJ||sack sacks|whole
XST|sheet||SH||sheet sheets|whole
XBJ|bucket|BJ|BC||bucket buckets|whole
XPL|pail||PA||pail pails|whole
XJR|jar|JR|JR||jar jars|whole
XCR|crate|CR|CP||crate crates|whole
XPU|tray|PU|TY||tray trays|whole
LEF|leaf|||||whole
RM|ream||RM||ream reams|
KGM|kilogram||KG|KG|kg kilo kilogram kilograms|
GRM|gram||GR|G|g gram grams|
MGM|milligram||ME|MG|mg milligram milligrams|
TNE|tonne (metric ton)||MP|TO|tonne tonnes|
LBR|pound||LB|LB|lb lbs pound pounds|
ONZ|ounce (avoirdupois)||OZ|OZ||
STN|ton (US) or short ton (UK/US)||TN|TON||
MTR|metre||MR|M|metre metres meter meters|
CMT|centimetre||CM|CM|cm centimetre centimetres centimeter centimeters|
MMT|millimetre||MM|MM|mm millimetre millimetres millimeter millimeters|
KMT|kilometre||DK|KM|km kilometre kilometres kilometer kilometers|
INH|inch||IN||inch inches|
FOT|foot||FT LF|FT|foot feet|
YRD|yard||YD|YD|yard yards|
MTK|square metre||SM|M2|m2 m² sqm|
FTK|square foot||SF|FT2|sqft|
CMK|square centimetre||SC|CM2|cm2 cm²|
MTQ|cubic metre||CR|M3|m3 m³ cbm|
CMQ|cubic centimetre||CC|CCM|cm3 cm³|
DMQ|cubic decimetre|||CD3|dm3 dm³|
LTR|litre||LT|L|l litre litres liter liters|
MLT|millilitre||ML|ML|ml millilitre millilitres milliliter milliliters|
CLT|centilitre|||CL|cl centilitre centilitres centiliter centiliters|
HLT|hectolitre|||HL|hl hectolitre hectolitres hectoliter hectoliters|
GLL|gallon (US)||GA|GAL||
GLI|gallon (UK)|||||
OZA|fluid ounce (US)||FO|||
PTL|liquid pint (US)|||||
QTL|liquid quart (US)|||||
SEC|second||03|S|second seconds|
MIN|minute||MJ|MIN|minute minutes|
HUR|hour||HR|STD H|h hour hours|
DAY|day||DA|TAG|day days|
WEE|week||WK|WCH|week weeks|
MON|month||MO|MON|month months|
ANN|year||YR|JHR|year years|
KWH|kilowatt hour||KH|KWH|kwh|
P1|percent||P1|%|percent %|
E48|service unit|||||
LS|lump sum||LS||lumpsum|
E51|job||||job jobs|
"""


def _rows() -> tuple[Unit, ...]:
    rows = []
    for row in _TABLE.strip().splitlines():
        code, name, iso, x12, sap, words, whole = row.split("|")
        rows.append(
            Unit(
                code=code,
                name=name,
                iso=tuple(iso.split()),
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
        case CodeList.ISO:
            return unit.iso or (unit.code,)
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
