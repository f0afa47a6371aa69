"""Addresses and contacts."""

from collections.abc import Iterable, Sequence

import msgspec

from protocols import xml
from protocols.cxml.parts import (
    LANGUAGE,
    add_text,
    read_extension,
    read_identifier,
    text,
    write_extensions,
    write_identifiers,
)
from protocols.cxml.source import Fields, Source
from protocols.xml import XML_LANG, Element
from schemas.countries import COUNTRIES, country_code
from schemas.faults import unwritable
from schemas.party import Address, Contact, Email, Identifier, Party, Phone

_NOWHERE = Address()


def read_ship_to(element: Element, source: Source) -> Address | None:
    """ShipTo, BillTo: an Address and the IdReferences that belong to the place; carriers and routes are kept.

    None when it says nothing."""
    fields: Fields = {}
    identifiers: list[Identifier] = []
    for child in element:
        if child.tag == "Address" and not fields:
            fields = _address_fields(child, source)
        elif child.tag == "IdReference":
            identifiers.append(read_identifier(child, source))
        else:
            source.keep(child)
    address = Address(identifiers=tuple(identifiers), **fields)
    return address if address != _NOWHERE else None


def write_ship_to(parent: Element, name: str, address: Address | None) -> None:
    if address is not None:
        element = xml.add(parent, name)
        write_address(element, address)
        write_identifiers(element, address.identifiers)


def _address_fields(element: Element, source: Source) -> Fields:
    fields = _attributes(element, _ADDRESS, source)
    country = fields.pop("country", None)
    reach = _Reach(source)
    postal = False
    for child in element:
        tag = child.tag
        if tag == "Name" and "name" not in fields:
            fields["name"] = text(child)
        elif tag == "PostalAddress" and not postal:
            fields.update(_postal_fields(child, source))
            postal = True
        elif not reach.read(child):
            source.keep(child)
    if country and not fields.get("country"):
        fields["country"] = _country(element, country, None, source)
    return fields | reach.fields()


_KEY = {"addressID": "id", "addressIDDomain": "id_scheme"}
_ADDRESS = _KEY | {"isoCountryCode": "country"}
_CONTACT = _KEY | {"role": "role"}


def _attributes(element: Element, names: dict[str, str], source: Source) -> Fields:
    fields: Fields = {}
    for name, value in xml.attributes(element):
        if name in names:
            fields[names[name]] = value.strip() or None
        else:
            source.keep_attribute(element, name, value)
    return fields


class _Reach:
    """The ways to reach somebody, as they come among other children."""

    __slots__ = ("_emails", "_faxes", "_phones", "_source", "_urls")

    def __init__(self, source: Source) -> None:
        self._source = source
        self._emails: list[Email] = []
        self._phones: list[Phone] = []
        self._faxes: list[Phone] = []
        self._urls: list[str] = []

    def read(self, child: Element) -> bool:
        """Whether the child is one; an empty one leaves nothing."""
        match child.tag:
            case "Email":
                if address := text(child):
                    self._emails.append(Email(address=address, label=child.get("name") or None))
                if language := child.get("preferredLang"):
                    self._source.keep_attribute(child, "preferredLang", language)
            case "Phone":
                if phone := _read_phone(child, self._source):
                    self._phones.append(phone)
            case "Fax" if child.find("Email") is None and child.find("URL") is None:
                if phone := _read_phone(child, self._source):
                    self._faxes.append(phone)
            case "URL":
                if url := text(child):
                    self._urls.append(url)
            case _:
                return False
        return True

    def fields(self) -> Fields:
        return {
            "emails": tuple(self._emails),
            "phones": tuple(self._phones),
            "faxes": tuple(self._faxes),
            "urls": tuple(self._urls),
        }


_POSTAL_TEXTS = {"City": "city", "Municipality": "municipality", "State": "region", "PostalCode": "postal_code"}


def _postal_fields(element: Element, source: Source) -> Fields:
    fields: Fields = {"label": element.get("name") or None}
    lines: dict[str, list[str]] = {"DeliverTo": [], "Street": []}
    extensions = []
    for child in element:
        tag = child.tag
        if tag in lines:
            if line := text(child):
                lines[tag].append(line)
        elif tag in _POSTAL_TEXTS:
            fields[_POSTAL_TEXTS[tag]] = text(child)
            for name, value in xml.attributes(child):
                if name == "isoStateCode":
                    fields["region_code"] = value or None
                else:
                    source.keep_attribute(child, name, value)
        elif tag == "Country":
            fields["country_name"] = text(child)
            fields["country"] = _country(child, child.get("isoCountryCode") or "", fields["country_name"], source)
        elif tag == "Extrinsic":
            extensions.append(read_extension(child, source))
        else:
            source.keep(child)
    fields.update(deliver_to=tuple(lines["DeliverTo"]), street=tuple(lines["Street"]), extensions=tuple(extensions))
    return fields


def _country(element: Element, code: str, word: str | None, source: Source) -> str | None:
    """The alpha-2 code; a word in its place, or beside it, is understood when the table has it, with a finding."""
    if code in COUNTRIES:
        return code
    found = country_code(code) or country_code(word)
    if code or word:
        if found:
            message = f"is to be the alpha-2 code of ISO 3166; read as {found}"
            source.note("country.repaired", element, message, code, attribute="isoCountryCode")
        else:
            message = "is no alpha-2 code of ISO 3166"
            source.note("country.unknown", element, message, code or word, attribute="isoCountryCode")
            source.keep_attribute(element, "isoCountryCode", code)
    return found


def write_address(parent: Element, address: Address) -> None:
    """The first mail address, telephone, fax and URL: the DTD gives an Address one of each."""
    element = xml.add(
        parent,
        "Address",
        isoCountryCode=address.country,
        addressID=address.id,
        addressIDDomain=address.id_scheme,
    )
    xml.add(element, "Name", address.name or "").set(XML_LANG, LANGUAGE)
    _write_postal(element, address)
    _write_reach(element, address.emails[:1], address.phones[:1], address.faxes[:1], address.urls[:1])


def _write_postal(parent: Element, address: Address) -> None:
    """Nothing for an address that is a name alone. Street, City and Country are mandatory, if need be empty."""
    lines = address.deliver_to + address.street + (address.city or "", address.postal_code or "", address.region or "")
    if not any(lines) and not (address.country_name or address.label or address.extensions):
        return
    element = xml.add(parent, "PostalAddress", name=address.label)
    for line in address.deliver_to:
        xml.add(element, "DeliverTo", line)
    for line in address.street or ("",):
        xml.add(element, "Street", line)
    xml.add(element, "City", address.city or "")
    add_text(element, "Municipality", address.municipality)
    if address.region or address.region_code:
        xml.add(element, "State", address.region or "", isoStateCode=address.region_code)
    add_text(element, "PostalCode", address.postal_code)
    name = address.country_name or (COUNTRIES[address.country] if address.country else "")
    xml.add(element, "Country", name, isoCountryCode=address.country or "")
    write_extensions(element, address.extensions)


def _write_reach(
    parent: Element, emails: Iterable[Email], phones: Iterable[Phone], faxes: Iterable[Phone], urls: Iterable[str]
) -> None:
    for email in emails:
        xml.add(parent, "Email", email.address, name=email.label)
    for tag, numbers in (("Phone", phones), ("Fax", faxes)):
        for number in numbers:
            _write_phone(parent, tag, number)
    for url in urls:
        xml.add(parent, "URL", url)


_PHONE_TEXTS = {
    "CountryCode": "country_code",
    "AreaOrCityCode": "area",
    "Number": "number",
    "Extension": "extension",
}


def _read_phone(element: Element, source: Source) -> Phone | None:
    """None when there is no number in it. A number that is not divided into its parts is a finding."""
    fields: Fields = {"label": element.get("name") or None}
    number = element.find("TelephoneNumber")
    if number is None:
        if (bare := text(element)) is None:
            return None
        source.note("phone.not_divided", element, "is to hold a TelephoneNumber", bare)
        return Phone(number=bare, **fields)
    for child in number:
        if child.tag in _PHONE_TEXTS:
            fields[_PHONE_TEXTS[child.tag]] = text(child)
            if child.tag == "CountryCode" and (code := child.get("isoCountryCode")):
                fields["country"] = _country(child, code, None, source)
        else:
            source.keep(child)
    if fields.get("number") is None:
        return None
    return Phone(**fields)


def _write_phone(parent: Element, tag: str, phone: Phone) -> None:
    element = xml.add(xml.add(parent, tag, name=phone.label), "TelephoneNumber")
    xml.add(element, "CountryCode", phone.country_code or "", isoCountryCode=phone.country or "")
    xml.add(element, "AreaOrCityCode", phone.area or "")
    xml.add(element, "Number", phone.number)
    add_text(element, "Extension", phone.extension)


def read_contact(element: Element, source: Source) -> Contact:
    fields = _attributes(element, _CONTACT, source)
    reach = _Reach(source)
    addresses = []
    identifiers = []
    extensions = []
    for child in element:
        match child.tag:
            case "Name" if "name" not in fields:
                fields["name"] = text(child)
            case "PostalAddress":
                addresses.append(Address(**_postal_fields(child, source)))
            case "IdReference":
                identifiers.append(read_identifier(child, source))
            case "Extrinsic":
                extensions.append(read_extension(child, source))
            case _ if not reach.read(child):
                source.keep(child)
    return Contact(
        **fields,
        **reach.fields(),
        addresses=tuple(addresses),
        identifiers=tuple(identifiers),
        extensions=tuple(extensions),
    )


def write_contacts(parent: Element, contacts: Iterable[Contact]) -> None:
    for contact in contacts:
        element = xml.add(parent, "Contact", role=contact.role, addressID=contact.id, addressIDDomain=contact.id_scheme)
        xml.add(element, "Name", contact.name or "").set(XML_LANG, LANGUAGE)
        for address in contact.addresses:
            _write_postal(element, address)
        _write_reach(element, contact.emails, contact.phones, contact.faxes, contact.urls)
        write_identifiers(element, contact.identifiers)
        write_extensions(element, contact.extensions)


_PARTNERS = ("soldTo", "shipFrom", "orderingAddress", "logistics")
_UNITS = {"LegalEntity": "legalEntity", "OrganizationalUnit": "organizationalUnit"}


def read_party(element: Element, source: Source) -> Party:
    """BusinessPartner by its role; LegalEntity and OrganizationalUnit by a role of that name."""
    if element.tag in _UNITS:
        references = [child for child in element if child.tag == "IdReference"]
        for child in element:
            if child.tag != "IdReference":
                source.keep(child)
        identifiers = tuple(read_identifier(child, source) for child in references)
        return Party(role=_UNITS[element.tag], identifiers=identifiers)
    address = read_ship_to(element, source) or _NOWHERE
    return Party(
        role=element.get("role") or "",
        identifiers=address.identifiers,
        address=msgspec.structs.replace(address, identifiers=()),
    )


def write_parties(parent: Element, parties: Sequence[Party]) -> None:
    """Raises Unwritable for a role that cXML has no place for."""
    units = {role: tag for tag, role in _UNITS.items()}
    for at, party in enumerate(parties):
        if party.role not in units and party.role not in _PARTNERS:
            raise unwritable("party.role", f"parties[{at}]", "has a role that cXML has no place for", party.role)
    for party in parties:
        if party.role in _PARTNERS:
            element = xml.add(parent, "BusinessPartner", type="organization", role=party.role)
            write_address(element, party.address or Address())
            write_identifiers(element, party.identifiers)
    for role, tag in units.items():
        for party in parties:
            if party.role == role:
                for identifier in party.identifiers:
                    write_identifiers(xml.add(parent, tag), (identifier,))
