"""What the shop says about units, availability and what is wrong: message ids, looked up where they are shown."""

from dataclasses import dataclass
from typing import Final

from app.catalog.cart import Problem, QuantityFault
from app.web.language import msgid
from schemas.units import known, unit


@dataclass(frozen=True, slots=True)
class UnitWords:
    one: str
    many: str


def _words(one: str, many: str) -> UnitWords:
    return UnitWords(one, many)


UNIT_WORDS: Final = {
    "C62": _words(msgid("piece"), msgid("pieces")),
    "EA": _words(msgid("piece"), msgid("pieces")),
    "H87": _words(msgid("piece"), msgid("pieces")),
    "NAR": _words(msgid("piece"), msgid("pieces")),
    "PR": _words(msgid("pair"), msgid("pairs")),
    "DZN": _words(msgid("dozen"), msgid("dozens")),
    "SET": _words(msgid("set"), msgid("sets")),
    "KT": _words(msgid("kit"), msgid("kits")),
    "XBX": _words(msgid("box"), msgid("boxes")),
    "XCT": _words(msgid("carton"), msgid("cartons")),
    "XCS": _words(msgid("case"), msgid("cases")),
    "XPK": _words(msgid("pack"), msgid("packs")),
    "XPX": _words(msgid("pallet"), msgid("pallets")),
    "XBG": _words(msgid("bag"), msgid("bags")),
    "XBO": _words(msgid("bottle"), msgid("bottles")),
    "XCA": _words(msgid("can"), msgid("cans")),
    "XTU": _words(msgid("tube"), msgid("tubes")),
    "XRO": _words(msgid("roll"), msgid("rolls")),
    "XDR": _words(msgid("drum"), msgid("drums")),
    "XBJ": _words(msgid("bucket"), msgid("buckets")),
    "ST": _words(msgid("sheet"), msgid("sheets")),
    "RM": _words(msgid("ream"), msgid("reams")),
    "KGM": _words(msgid("kilogram"), msgid("kilograms")),
    "GRM": _words(msgid("gram"), msgid("grams")),
    "TNE": _words(msgid("tonne"), msgid("tonnes")),
    "MTR": _words(msgid("metre"), msgid("metres")),
    "CMT": _words(msgid("centimetre"), msgid("centimetres")),
    "MMT": _words(msgid("millimetre"), msgid("millimetres")),
    "MTK": _words(msgid("square metre"), msgid("square metres")),
    "MTQ": _words(msgid("cubic metre"), msgid("cubic metres")),
    "LTR": _words(msgid("litre"), msgid("litres")),
    "MLT": _words(msgid("millilitre"), msgid("millilitres")),
    "HUR": _words(msgid("hour"), msgid("hours")),
    "DAY": _words(msgid("day"), msgid("days")),
}


def unit_words(code: str) -> UnitWords:
    """Units that have no words here are named as the standard names them."""
    name = unit(code).name if known(code) else code
    return UNIT_WORDS.get(code) or UnitWords(name, name)


PROBLEM_TEXTS: Final = {
    Problem.VANISHED: msgid("This product is no longer available to you."),
    Problem.QUANTITY: msgid("This quantity cannot be ordered."),
    Problem.ZERO_PRICE: msgid("This line has no price."),
    Problem.MISSING_UNSPSC: msgid("There is no UNSPSC code, so your system may not find a category."),
    Problem.MISSING_LEAD_TIME: msgid("The delivery time is not known."),
}

FAULT_TEXTS: Final = {
    QuantityFault.NOT_A_NUMBER: msgid("Enter a plain number, without separators between thousands."),
    QuantityFault.NOT_POSITIVE: msgid("Enter a quantity greater than zero."),
    QuantityFault.TOO_LARGE: msgid("This quantity is too large."),
    QuantityFault.NOT_WHOLE: msgid("Only whole units can be ordered."),
    QuantityFault.BELOW_MINIMUM: msgid("The quantity is below the minimum."),
    QuantityFault.NOT_A_STEP: msgid("The quantity does not fit the step."),
    QuantityFault.NOT_PRICED: msgid("There is no price for such a small quantity."),
}

NOTICES: Final = {
    "added": msgid("Added to the cart."),
    "already": msgid("This was added already. Change the quantity in the cart if you need more."),
    "full": msgid("The cart holds as many lines as it can. Return it before you add more."),
    "updated": msgid("The cart was updated."),
    "removed": msgid("The line was removed."),
    "later": msgid("The cart was changed in another window meanwhile. Your change came later and counts."),
    "look_again": msgid("The cart has changed since you saw it. Please check it and return it then."),
    "tick": msgid("Please tick that you have seen the remarks."),
    "blocked": msgid("The cart cannot be returned yet. See the remarks below."),
    "faulty": msgid("Not everything could be changed. See the lines below."),
    "gone": msgid("This product is not available to you."),
}
"""Notices that a page may be asked to show, by the name that stands in its address."""
