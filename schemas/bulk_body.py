"""Body of `POST /communication/bulk`, with the rules across its fields that JSON Schema can express."""

from typing import Annotated, Any

from pydantic import ConfigDict, FailFast, Field

from schemas.requests import AnyRecipient, BulkBody, Subject, TenantId

_BLANKS = r"\u00a0\u00ad\u1680\u2000-\u200b\u200e\u200f\u2028-\u202f\u205f\u2060\u2066-\u2069\u3000\ufeff"
_BLANK = rf"(?:[ \t\r\n{_BLANKS}]|&nbsp;)"
_FIRST = rf"[^\u0000-/:-@\[-^`{{-\u009f\u200c\u200d{_BLANKS}]"
_NEXT = rf"[^\u0000-,/:-@\[-^`{{-\u009f{_BLANKS}]"
_PLACEHOLDER = rf"\{{\{{{_BLANK}*{_FIRST}(?:{_NEXT}|{_BLANK})*\}}\}}"
TEMPLATE = rf"^([^{{]|\{{[^{{]|\{{\{{\{{\{{|{_PLACEHOLDER})*\{{?$"
"""Pattern of the templates that `core.render` accepts: `{{name}}`, `{{{{` for a literal `{{`, and any other text."""
ONE_LINE = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"
"""Pattern of text without a line break or another control character."""


def _require_text(field: str) -> dict[str, Any]:
    return {"required": [field], "properties": {field: {"type": "string"}}}


_NO_TEMPLATE = {"not": _require_text("template")}
_EMAIL = {"required": ["channel"], "properties": {"channel": {"const": "email"}}}
_HTML = {"required": ["content_type"], "properties": {"content_type": {"const": "text/html"}}}
_HAS_CC = {"required": ["cc"], "properties": {"cc": {"type": "array", "minItems": 1}}}
_NO_MAIL_FIELDS = {"reply_to": {"type": "null"}, "cc": {"type": ["null", "array"], "maxItems": 0}}
_RULES: dict[str, Any] = {
    "allOf": [
        {"if": _NO_TEMPLATE, "then": {"properties": {"content": {"minLength": 1, "pattern": TEMPLATE}}}},
        {"if": _EMAIL, "then": {"properties": {"subject": {"pattern": TEMPLATE}}}},
        {"if": _HTML, "then": _EMAIL},
        {
            "if": {"allOf": [_EMAIL, _NO_TEMPLATE]},
            "then": {"required": ["subject"], "properties": {"subject": {"type": "string", "minLength": 1}}},
        },
        {"if": {"not": _EMAIL}, "then": {"properties": _NO_MAIL_FIELDS}},
        {"if": _EMAIL, "then": {"properties": {"budget": {"type": "null"}}}},
        {"if": _HAS_CC, "then": {"properties": {"recipients": {"maxItems": 1}}}},
    ]
}

Recipients = Annotated[list[AnyRecipient], FailFast(), Field(json_schema_extra={"minItems": 1})]
"""Recipients of one call. Validation stops at the first wrong one, because a million errors would fill the memory."""


class BulkSendRequest(BulkBody, published_as="BulkSendRequest"):
    """`dto.BulkSendRequest`: the request body that the producer accepts."""

    model_config = ConfigDict(json_schema_extra=_RULES)

    recipients: Recipients
    subject: Annotated[Subject, Field(json_schema_extra={"pattern": ONE_LINE})] | None = None
    tenant_id: Annotated[
        TenantId | None, Field(description="the tenant of the token. No other tenant is accepted.")
    ] = None


BODY_FIELDS = frozenset(field.alias or name for name, field in BulkSendRequest.model_fields.items())
"""Names of the fields of a body."""
