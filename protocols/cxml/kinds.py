"""Which documents cXML 1.2 knows and where each may stand."""

from schemas.wire import cxml_dtd_for

CATALOGUES = frozenset({"Index", "Contract", "Supplier"})
"""Roots of catalogue files, which are no messages and have no Header."""

WRAPPERS = ("Request", "Message", "Response")

WITHOUT_MODEL = frozenset(
    name + "Request"
    for name in (
        "Contract",
        "ContractStatusUpdate",
        "PaymentBatch",
        "PaymentProposal",
        "PaymentRemittance",
        "PaymentRemittanceStatusUpdate",
        "Transport",
    )
)
"""Documents of the standard whose content models we do not carry."""


def known(wrapper: str, kind: str) -> bool:
    """Whether cXML has a document of this name that stands in a Request, Message or Response."""
    return kind.endswith(wrapper) and (kind in WITHOUT_MODEL or cxml_dtd_for(kind) is not None)
