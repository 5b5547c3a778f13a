"""Conversion of vendor templates to documents and back. They are a list, as the name of a provider may have dots."""

from collections.abc import Iterable

from core.vendor_template import VendorTemplate, VendorTemplates
from ledger.mongo.connection import Document


def vendor_template_documents(vendor_templates: VendorTemplates) -> list[Document]:
    """Return the stored form of vendor templates."""
    return [
        {
            "provider": provider,
            "template_code": template.template_code,
            "sign_name": template.sign_name,
            "parameter_order": list(template.parameter_order),
        }
        for provider, template in vendor_templates.items()
    ]


def read_vendor_templates(documents: Iterable[Document]) -> VendorTemplates:
    """Return the vendor templates of documents."""
    return {
        stored["provider"]: VendorTemplate(
            stored["template_code"], stored["sign_name"], tuple(stored["parameter_order"])
        )
        for stored in documents
    }
