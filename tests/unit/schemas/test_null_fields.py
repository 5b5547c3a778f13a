"""A null means that a field is absent, in everything that callers send."""

from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from schemas.bulk_body import BulkSendRequest
from schemas.provider_configs import CreateProviderConfigRequest, UpdateProviderConfigRequest
from schemas.query_parameters import LogSearch
from schemas.requests import BulkRequest, IntakeRecipient, Recipient

SMALLEST: dict[type[BaseModel], dict[str, Any]] = {
    Recipient: {"to": "13800138000"},
    IntakeRecipient: {"to": "13800138000"},
    BulkSendRequest: {"channel": "sms", "content": "Hello", "recipients": ["13800138000"]},
    BulkRequest: {"channel": "sms", "content": "Hello", "recipients": ["13800138000"], "tenant_id": "tnt_a"},
    LogSearch: {},
    CreateProviderConfigRequest: {"channel": "sms", "config": "{}", "provider": "http"},
    UpdateProviderConfigRequest: {},
}
OPTIONAL = [
    (model, field.alias or name)
    for model, given in SMALLEST.items()
    for name, field in model.model_fields.items()
    if name not in given
]


@pytest.mark.parametrize(("model", "name"), OPTIONAL)
def test_null_for_an_optional_field_is_the_same_as_no_field(model: type[BaseModel], name: str) -> None:
    smallest = SMALLEST[model]
    assert model.model_validate_json(orjson.dumps({**smallest, name: None})) == model.model_validate(
        smallest, strict=False
    )


def test_a_variable_that_is_null_is_absent() -> None:
    recipient = Recipient.model_validate_json('{"to": "13800138000", "variables": {"name": null, "code": "7"}}')
    assert recipient.variables == {"code": "7"}
