"""Signature of a call to the API 3.0 of Tencent Cloud: TC3-HMAC-SHA256.

Source: https://www.tencentcloud.com/document/product/1294/76500 (the same for all its products)
"""

import hashlib
import hmac
import time

CONTENT_TYPE = "application/json"
_SERVICE = "sms"
_ALGORITHM = "TC3-HMAC-SHA256"
_SIGNED_HEADERS = "content-type;host"


def authorization(secret_id: str, secret_key: str, host: str, content: bytes, at: int) -> str:
    """Return the header Authorization of a POST to `host`. `at` is its time in seconds since 1970 (Unix time).

    Both headers that are signed must be sent exactly so. The path counts as `/` in each call.
    """
    date = time.strftime("%Y-%m-%d", time.gmtime(at))
    scope = f"{date}/{_SERVICE}/tc3_request"
    headers = f"content-type:{CONTENT_TYPE}\nhost:{host}\n"
    call = f"POST\n/\n\n{headers}\n{_SIGNED_HEADERS}\n{hashlib.sha256(content).hexdigest()}"
    text = f"{_ALGORITHM}\n{at}\n{scope}\n{hashlib.sha256(call.encode()).hexdigest()}"
    key = f"TC3{secret_key}".encode()
    for part in (date, _SERVICE, "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return f"{_ALGORITHM} Credential={secret_id}/{scope}, SignedHeaders={_SIGNED_HEADERS}, Signature={signature}"
