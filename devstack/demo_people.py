"""People of the demo that opt out, over HTTP, while their messages are on the way."""

import csv
import json
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cli.admin.development_token import issue_token

_NUMBER_LENGTH = 11
_MOBILE = "138"
_TOKEN_SECONDS = 3_600
_CALL_SECONDS = 60


def people_at_the_end(file: Path, number: int) -> list[str]:
    """Return phone numbers from the end of a file. Each is written as the others, and occurs once."""
    with file.open(encoding="utf-8", newline="") as lines:
        numbers = [row["to"] for row in csv.DictReader(lines)]
    times = Counter(numbers)
    plain = [to for to in numbers if to.isdigit() and len(to) == _NUMBER_LENGTH and to.startswith(_MOBILE)]
    return [to for to in plain if times[to] == 1][-number:]


class DemoService:
    """Producer of the demo, as a service of its tenant calls it."""

    def __init__(self, env: Mapping[str, str], tenant: str) -> None:
        self.url = f"http://127.0.0.1:{env['ROLLCALL_HTTP_PORT']}"
        scopes = ["communication:suppressions", "communication:admin"]
        self._token = issue_token(env["ROLLCALL_JWT_SECRET"], tenant, "usr_demo", scopes, _TOKEN_SECONDS)

    def opt_out(self, channel: str, people: Sequence[str]) -> None:
        """Add each of these people to the suppressions. Raises OSError."""
        for recipient in people:
            self._call(
                "POST",
                "/communication/suppressions",
                {"channel": channel, "recipient": recipient, "reason": "opted_out"},
            )

    def newest_request(self) -> str:
        """Return the id of the newest request. Raises OSError."""
        return str(self._call("GET", "/communication/requests?page_size=1")["items"][0]["request_id"])

    def receipts(self, request_id: str) -> int:
        """Return the number of deliveries of a request that a receipt has changed. Raises OSError."""
        counts = self._call("GET", f"/communication/requests/{request_id}")
        return int(counts["by_status"].get("delivered", 0) + counts["by_reason"].get("undelivered", 0))

    def _call(self, method: str, path: str, body: Mapping[str, str] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, content, headers, method=method)  # noqa: S310  # HTTP
        with urllib.request.urlopen(request, timeout=_CALL_SECONDS) as response:  # noqa: S310  # HTTP
            answer: dict[str, Any] = json.load(response)
        return answer
