"""A call of a vendor as the formats see it."""

from datetime import datetime

from starlette.requests import Request

from providers.receipts.receipt_format import Callback


def read_callback(request: Request, body: bytes, public_url: str | None, secret: str | None, now: datetime) -> Callback:
    """Return the call. `public_url` replaces scheme and host, because a proxy may have changed them."""
    return Callback(
        url=_url_of(request, public_url), headers=request.headers, body=body, received_at=now, path_secret=secret
    )


def _url_of(request: Request, public_url: str | None) -> str:
    """Return the URL that the vendor called. Its path and query are as they arrived, with every escape."""
    base = public_url or f"{request.scope['scheme']}://{request.headers.get('host', '')}"
    raw_path: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    return base + raw_path.decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")
