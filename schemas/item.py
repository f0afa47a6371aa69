"""What is bought: item identity, classification, quantity and price."""

from decimal import Decimal

from schemas.base import Canonical
from schemas.money import EXACT, Money, is_plausible
from schemas.party import Extension, Identifier


class Quantity(Canonical, frozen=True, kw_only=True):
    """An exact, finite amount in a unit. The unit is the sender's own word until a partner's unit table has mapped it;
    an order that goes to the ERP carries UN/ECE Recommendation 20 codes (schemas/units.py).

    Zero and negative amounts are representable, as some documents legally carry them; readers decide."""

    amount: Decimal
    unit: str | None = None

    def __post_init__(self) -> None:
        if not is_plausible(self.amount):
            raise ValueError("a quantity is a finite number below 10^31")


class Classification(Canonical, frozen=True, kw_only=True):
    """A code in a scheme (`UNSPSC`, `eClass`); scheme as received, UNSPSC codes as digits only."""

    scheme: str
    code: str
    name: str | None = None


class ItemRef(Canonical, frozen=True, kw_only=True):
    """How one item is named by supplier, buyer and manufacturer.

    `supplier_auxiliary_id` (cXML SupplierPartAuxiliaryID) belongs to the line's identity on the buyer's side and stays
    the same through edits; `auxiliary_markup` says that it is inner XML."""

    supplier_id: str | None = None
    supplier_auxiliary_id: str | None = None
    auxiliary_markup: bool = False
    supplier_revision: str | None = None
    buyer_id: str | None = None
    manufacturer_id: str | None = None
    manufacturer_name: str | None = None
    gtin: str | None = None
    identifiers: tuple[Identifier, ...] = ()


class Price(Canonical, frozen=True, kw_only=True):
    """`amount` for `basis` price units: EUR 5.00 per 100 C62 is amount 5.00, basis 100, unit C62.

    basis   number of price units that `amount` pays for; greater than zero.
    unit    the price unit; absent means the order unit.
    factor  price units in one order unit (cXML conversionFactor): a line of q order units costs
            amount * q * factor / basis.
    """

    amount: Money
    basis: Decimal = Decimal(1)
    unit: str | None = None
    factor: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        if not (is_plausible(self.basis) and self.basis > 0 and is_plausible(self.factor) and self.factor > 0):
            raise ValueError("price basis and conversion factor are finite and greater than zero")

    def of(self, quantity: Decimal) -> Decimal:
        """The exact, unrounded amount for a quantity in order units, in the currency of `amount`."""
        product = EXACT.multiply(self.amount.amount, quantity)
        if self.factor != 1:
            product = EXACT.multiply(product, self.factor)
        return product if self.basis == 1 else EXACT.divide(product, self.basis)


class Text(Canonical, frozen=True, kw_only=True):
    """A text with its language (BCP 47 as received, absent when the document says none) and kind, where it has one."""

    text: str
    language: str | None = None
    kind: str | None = None


class ItemDescription(Canonical, frozen=True, kw_only=True):
    """What a line says about its item, beyond its ids."""

    texts: tuple[Text, ...] = ()
    short_name: str | None = None
    classifications: tuple[Classification, ...] = ()
    url: str | None = None
    lead_days: int | None = None
    extensions: tuple[Extension, ...] = ()

    @property
    def text(self) -> str | None:
        """The first description text."""
        return self.texts[0].text if self.texts else None
