"""Response to a callback of a provider, with the names of the contract."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from schemas.http_responses import ResponseBody


class CallbackResult(ResponseBody, published_as="CallbackResult"):
    """`dto.CallbackResultResponse`: the provider, and whether its receipts were taken."""

    provider: Annotated[str, Field(description="name or id of the provider, as in the path")]
    received: Annotated[bool, Field(description="true, because Kafka has acknowledged all receipts of the call")]


class CallbackResultResponse(ResponseBody, published_as="CallbackResultResponse"):
    """`dto.CallbackResultDetailResponse`: response to a callback."""

    code: int
    data: CallbackResult
    message: str
    timestamp: datetime
