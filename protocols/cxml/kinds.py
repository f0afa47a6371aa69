"""Which documents cXML 1.2 knows, where each may stand, and the DTD that it belongs to."""


def _named(ending: str, names: str) -> frozenset[str]:
    return frozenset(name + ending for name in names.split())


REQUESTS = _named(
    "Request",
    "Approval Auth CatalogUpload ComponentConsumption Confirmation Contract ContractStatusUpdate Copy Data GetPending "
    "InvoiceDetail MasterAgreement Order OrderStatus OrganizationData PaymentBatch PaymentProposal PaymentRemittance "
    "PaymentRemittanceStatusUpdate ProductReplenishment Profile ProviderSetup PunchOutSetup PurchaseRequisition "
    "QualityInspection QualityInspectionDecision QualityInspectionResult QualityNotification Quote Receipt SalesOrder "
    "ServiceEntry ShipNotice StatusUpdate SubscriptionContent SubscriptionList SubscriptionStatusUpdate SupplierData "
    "SupplierList TimeCard TimeCardInfo Transport",
)
MESSAGES = _named(
    "Message",
    "DataAvailable OrganizationChange ProductActivity ProductReplenishment ProviderDone PunchOutOrder Quote "
    "SubscriptionChange SupplierChange",
)
RESPONSES = _named(
    "Response",
    "Auth Data GetPending OrganizationData Profile ProviderSetup PunchOutSetup SubscriptionContent SubscriptionList "
    "SupplierData SupplierList",
)
CATALOGUES = frozenset({"Index", "Contract", "Supplier"})
"""Roots of catalogue files, which are no messages and have no Header."""

PAYLOADS = {"Request": REQUESTS, "Message": MESSAGES, "Response": RESPONSES}

_FULFILL = _named(
    "Request",
    "ComponentConsumption Confirmation OrderStatus Receipt SalesOrder ServiceEntry ShipNotice TimeCard TimeCardInfo",
)


def dtd_name(kind: str) -> str:
    """The file name, without its ending, of the DTD for what we write of this kind."""
    return "Fulfill" if kind in _FULFILL else "cXML"
