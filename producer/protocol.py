"""HTTP that cannot be parsed never reaches the app: uvicorn answers it, and here it does so in the contract's words."""

from datetime import UTC, datetime

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from producer.answers import JSON
from schemas.http import SimpleResponse


class ContractProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol with `{code, message, timestamp}` for what is no HTTP."""

    def send_400_response(self, msg: str) -> None:
        """Answer and hang up; `msg` is uvicorn's fixed text."""
        body = SimpleResponse(code=400, message=msg, timestamp=datetime.now(UTC)).model_dump_json().encode()
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            f"content-type: {JSON}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
