"""Bodies and responses of the routes for the providers that a tenant manages itself, with the names of the contract."""

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from schemas.http_responses import OptionalText, PageInfo, ResponseBody
from schemas.query_parameters import as_integer
from schemas.record_base import IntakeRecord
from schemas.requests import ProviderName
from schemas.statuses import Channel

DEFAULT_PRIORITY = 100
MAX_PRIORITY = 1_000_000
MAX_CONFIG_BYTES = 8 * 1024
"""Maximum size of a configuration, in bytes."""

Priority = Annotated[
    int,
    Field(
        ge=-MAX_PRIORITY,
        le=MAX_PRIORITY,
        description="order within the channel. The provider with the lowest number is called first. Unset: 100.",
    ),
    BeforeValidator(as_integer),
]
Config = Annotated[
    str,
    StringConstraints(max_length=MAX_CONFIG_BYTES),
    Field(
        description="JSON object, as text, with the fields of the provider's kind (docs/settings.md). `kind` may be "
        "absent if the name is one. It is sealed when it is stored.",
        json_schema_extra={"contentMediaType": "application/json"},
    ),
]


class CreateProviderConfigRequest(IntakeRecord, published_as="CreateProviderConfigRequest"):
    """`dto.CreateProviderConfigRequest`: a new provider of the caller's tenant."""

    channel: Channel
    config: Config
    priority: Priority | None = None
    provider: ProviderName = Field(description="name of the provider. It is unique within the channel of the tenant.")


class UpdateProviderConfigRequest(IntakeRecord, published_as="UpdateProviderConfigRequest"):
    """`dto.UpdateProviderConfigRequest`: what changes. An absent field stays as it is."""

    config: Config | None = None
    is_active: bool | None = None
    priority: Priority | None = None


class ProviderConfig(ResponseBody, published_as="ProviderConfigResponse"):
    """`dto.ProviderConfigResponse`: a provider that the tenant manages itself."""

    id: Annotated[str, Field(examples=["prv_38bwp7hh1q0jf1my"])]
    app_id: Annotated[OptionalText, Field(description="not used, and always absent")] = None
    channel: Channel
    config: Annotated[
        OptionalText,
        Field(description="configuration with `***` in place of each secret. Absent if no sealing key opens it."),
    ] = None
    created_at: datetime
    is_active: Annotated[bool, Field(description="true if the provider may be used")]
    priority: int
    provider: Annotated[str, Field(description="name of the provider")]
    tenant_id: str
    updated_at: datetime


class ProviderConfigResponse(ResponseBody, published_as="ProviderConfigDataResponse"):
    """`dto.ProviderConfigDataResponse`: response with one provider."""

    code: int
    data: ProviderConfig
    message: str
    timestamp: datetime


class ProviderConfigListResponse(ResponseBody, published_as="ProviderConfigListResponse"):
    """`dto.ListResponse-dto_ProviderConfigResponse`: page of the providers, in the order in which they are called."""

    code: int
    items: list[ProviderConfig]
    message: str
    pagination: PageInfo
    timestamp: datetime
    total: Annotated[int, Field(description="the same as `pagination.total`")]


class OkResponse(ResponseBody, published_as="OKResponse"):
    """`dto.OKResponse`: the call was done, and there is nothing more to say."""

    code: int
    message: str
