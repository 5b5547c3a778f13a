"""The body of `POST /communication/bulk`, and what JSON Schema can say of how its fields go together."""

from typing import Annotated, Any

from pydantic import ConfigDict, FailFast, Field

from schemas.requests import AnyRecipient, BulkBody, Subject, TenantId

TEMPLATE = r"^([^{]|\{[^{]|\{\{\{\{|\{\{ *[A-Za-z_][A-Za-z0-9_.-]* *\}\})*\{?$"
"""What `core.render` compiles: `{{name}}`, `{{{{` for a literal `{{`, and any other text."""
ONE_LINE = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"
"""Text without a line break or another control character."""


def _given(field: str) -> dict[str, Any]:
    return {"required": [field], "properties": {field: {"type": "string"}}}


_NO_TEMPLATE = {"not": _given("template")}
_EMAIL = {"required": ["channel"], "properties": {"channel": {"const": "email"}}}
_RULES: dict[str, Any] = {
    "allOf": [
        {"if": _NO_TEMPLATE, "then": {"properties": {"content": {"minLength": 1, "pattern": TEMPLATE}}}},
        {"if": _EMAIL, "then": {"properties": {"subject": {"pattern": TEMPLATE}}}},
        {
            "if": {"allOf": [_EMAIL, _NO_TEMPLATE]},
            "then": {"required": ["subject"], "properties": {"subject": {"type": "string", "minLength": 1}}},
        },
    ]
}

Recipients = Annotated[list[AnyRecipient], FailFast(), Field(json_schema_extra={"minItems": 1})]
"""They are looked at up to the first wrong one, since a million errors fill memory."""


class BulkSendRequest(BulkBody, published_as="BulkSendRequest"):
    """`dto.BulkSendRequest`: the body as HTTP takes it."""

    model_config = ConfigDict(json_schema_extra=_RULES)

    recipients: Recipients
    subject: Annotated[Subject, Field(json_schema_extra={"pattern": ONE_LINE})] | None = None
    tenant_id: Annotated[TenantId | None, Field(description="the token's own; no other is taken")] = None
