"""The answer to an order about a request."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from schemas.http_responses import ResponseBody
from schemas.statuses import RequestState


class ControlResponse(ResponseBody, published_as="ControlResponse"):
    """An order that was obeyed: cancel, pause or resume."""

    code: int
    message: str
    timestamp: datetime
    request_id: str
    state: Annotated[RequestState, Field(description="how far the request is now")]
    may_still_be_sent: Annotated[
        int, Field(description="at most so many deliveries, in windows that had begun, may be sent after this answer")
    ]
