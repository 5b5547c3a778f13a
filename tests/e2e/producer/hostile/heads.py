"""Hostile heads: invalid or untrustworthy request lines, header fields and framing."""

from tests.e2e.producer.hostile.wire import TOKEN, Hostile, chunked, head, post
from tests.support.service import BULK, GOOD

KIB = 1024
AUTH = f"Authorization: Bearer {TOKEN}"
TYPE = "Content-Type: application/json"
SMALL = b'{"channel":"sms"}'


def framed(*fields: str, body: bytes = SMALL) -> bytes:
    """A POST that says itself how long its body is."""
    return head(f"POST {BULK} HTTP/1.1", TYPE, AUTH, *fields) + body


LINES = (
    Hostile("no HTTP at all", b"GARBAGE\x00 / NOTHING\r\n\r\n", 400, "not HTTP"),
    Hostile("a TLS hello", bytes.fromhex("16030100a5010000a10303") + b"\x00" * 200, 400, "not HTTP"),
    Hostile("HTTP/0.9", b"GET /\r\n\r\n", 404),
    Hostile("HTTP/2 with prior knowledge", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "not HTTP"),
    Hostile("a version that is none", b"GET / HTTP/9.9\r\n\r\n", 400, "not HTTP"),
    Hostile("a method that is none", head(f"SEND {BULK} HTTP/1.1"), 400, "not HTTP"),
    Hostile("a method in small letters", head(f"post {BULK} HTTP/1.1"), 400, "not HTTP"),
    Hostile("lines that end with LF alone", f"GET {BULK} HTTP/1.1\nHost: a\n\n".encode(), 400, "not HTTP"),
    Hostile("a space before the path", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    Hostile("a byte over 127 in the path", b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400, "not HTTP"),
    Hostile("a null byte in the path", b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "not HTTP"),
    Hostile("a null byte in the query", b"GET /?\x00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "not HTTP"),
    Hostile("CONNECT", head("CONNECT rollcall:443 HTTP/1.1"), 400, "not HTTP"),
    Hostile("OPTIONS of the whole server", head("OPTIONS * HTTP/1.1"), 404),
    Hostile("TRACE", head(f"TRACE {BULK} HTTP/1.1", AUTH), 405),
    Hostile("OPTIONS", head(f"OPTIONS {BULK} HTTP/1.1", AUTH), 405),
    Hostile("HEAD", head(f"HEAD {BULK} HTTP/1.1", AUTH), 405),
    Hostile("GET", head(f"GET {BULK} HTTP/1.1", AUTH), 405),
    Hostile("DELETE", head(f"DELETE {BULK} HTTP/1.1", AUTH), 405),
    Hostile("PUT with a body", post().replace(b"POST", b"PUT", 1), 405),
    Hostile("PATCH with a body", post().replace(b"POST", b"PATCH", 1), 405),
    Hostile("a WebDAV method", head(f"PROPFIND {BULK} HTTP/1.1", AUTH), 405),
)

PATHS = (
    Hostile("a path in capitals", post(path="/COMMUNICATION/BULK"), 404),
    Hostile("a slash at the end", post(path=f"{BULK}/"), 404),
    Hostile("two slashes", post(path="/communication//bulk"), 404),
    Hostile("a way up and down again", post(path="/communication/../communication/bulk"), 404),
    Hostile("a slash in disguise", post(path="/communication%2Fbulk/x"), 404),
    Hostile("a null byte in disguise", post(path=f"{BULK}%00"), 404),
    Hostile("a byte that is no UTF-8, in disguise", post(path=f"{BULK}%ff"), 404),
    Hostile("a parameter in the path", post(path=f"{BULK};a=b"), 404),
    Hostile("a file of the machine", head("GET /../../../../etc/passwd HTTP/1.1"), 404),
    Hostile("a file of the machine, in disguise", head("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1"), 404),
    Hostile("a header split by the path", head("GET /%0d%0aSet-Cookie:%20a=b HTTP/1.1"), 404),
    Hostile("the framework's own documents", head("GET /docs HTTP/1.1"), 404),
    Hostile("another server's URL, without a token", post(path=f"http://evil.example{BULK}", bearer=None), 401),
    Hostile("a path of 70 KB", head(f"GET /{'a' * 70 * KIB} HTTP/1.1"), 431, "65536 bytes"),
    Hostile("a query of 70 KB", head(f"GET /?{'a' * 70 * KIB} HTTP/1.1"), 431, "65536 bytes"),
)

FIELDS = (
    Hostile("a header of 70 KB", head("GET / HTTP/1.1", f"X: {'a' * 70 * KIB}"), 431, "65536 bytes"),
    Hostile("a header of 20 MB", lambda: head("GET / HTTP/1.1", f"X: {'a' * 20 * KIB * KIB}"), 431, "65536 bytes"),
    Hostile("a name of 70 KB", head("GET / HTTP/1.1", f"{'a' * 70 * KIB}: x"), 431, "65536 bytes"),
    Hostile("20,000 headers", head("GET / HTTP/1.1", *(f"X-{n}: {n}" for n in range(20_000))), 431, "65536 bytes"),
    Hostile("201 headers", head("GET / HTTP/1.1", *(f"X-{n}: {n}" for n in range(200))), 431, "more than 200"),
    Hostile("a space before the colon", head("GET / HTTP/1.1", "Content-Length : 5"), 400, "not HTTP"),
    Hostile("a folded line", head("GET / HTTP/1.1", "X: a", " b"), 400, "not HTTP"),
    Hostile("no colon", head("GET / HTTP/1.1", "Nothing"), 400, "not HTTP"),
    Hostile("no name", head("GET / HTTP/1.1", ": x"), 400, "not HTTP"),
    Hostile("a null byte in a header", head("GET / HTTP/1.1", "X: a\x00b"), 400, "not HTTP"),
    Hostile("a line break in a header", head("GET / HTTP/1.1", "X: a\rb: c"), 400, "not HTTP"),
    Hostile("a control character in a name", head("GET / HTTP/1.1", "X\x01: a"), 400, "not HTTP"),
    Hostile("a key that is not UTF-8", post(SMALL, "Idempotency-Key: \xff\xfe"), 400, "Idempotency-Key: "),
    Hostile("a key with a space", post(SMALL, "Idempotency-Key: a b"), 400, "Idempotency-Key: "),
    Hostile("a key of 129 letters", post(SMALL, f"Idempotency-Key: {'a' * 129}"), 400, "Idempotency-Key: "),
    Hostile("two keys", post(SMALL, "Idempotency-Key: a", "Idempotency-Key: b"), 400, "Idempotency-Key: "),
    Hostile("an upgrade to WebSocket", post(SMALL, "Connection: Upgrade", "Upgrade: websocket"), 400, "content: "),
    Hostile("an upgrade to HTTP/2", post(SMALL, "Connection: Upgrade", "Upgrade: h2c"), 400, "content: "),
    Hostile("an expectation, and no token", post(SMALL, "Expect: 100-continue", bearer=None), 401),
    Hostile("an expectation of something else", post(SMALL, "Expect: miracles"), 400, "content: "),
)

FRAMING = (
    Hostile("two lengths", framed("Content-Length: 17", "Content-Length: 18"), 400, "not HTTP"),
    Hostile("two lengths alike", framed("Content-Length: 17", "Content-Length: 17"), 400, "not HTTP"),
    Hostile("two lengths in one", framed("Content-Length: 17, 17"), 400, "not HTTP"),
    Hostile("a length below zero", framed("Content-Length: -1"), 400, "not HTTP"),
    Hostile("a length with a plus", framed("Content-Length: +17"), 400, "not HTTP"),
    Hostile("a length in hexadecimal", framed("Content-Length: 0x11"), 400, "not HTTP"),
    Hostile("an empty length", framed("Content-Length:"), 400, "not HTTP"),
    Hostile("a length of 20 digits", framed(f"Content-Length: {'9' * 20}"), 400, "not HTTP"),
    Hostile("a length of 100 MB and no body", framed("Content-Length: 100000000", body=b""), 413, "16777216 bytes"),
    Hostile("a length and chunks", framed("Content-Length: 17", "Transfer-Encoding: chunked"), 400, "not HTTP"),
    Hostile("chunks and a length", framed("Transfer-Encoding: chunked", "Content-Length: 17"), 400, "not HTTP"),
    Hostile("chunks in disguise", framed("Transfer-Encoding: xchunked"), 400, "not HTTP"),
    Hostile("chunks that are not last", framed("Transfer-Encoding: chunked, gzip"), 400, "not HTTP"),
    Hostile("a body shorter than its length", post(SMALL[:5], length=5), 400, "not JSON"),
    Hostile("a size that is not a number", chunked(b"zz\r\n"), 400, "not HTTP"),
    Hostile("a size below zero", chunked(b"-5\r\nabcde\r\n0\r\n\r\n"), 400, "not HTTP"),
    Hostile("a size of 18 digits", chunked(b"F" * 18 + b"\r\n"), 400, "not HTTP"),
    Hostile("a chunk longer than its size", chunked(b"2\r\nabcde\r\n0\r\n\r\n"), 400, "not HTTP"),
    Hostile("an extension with a null byte", chunked(b"2;\x00=a\r\n{}\r\n0\r\n\r\n"), 400, "not HTTP"),
    Hostile("no chunks at all", chunked(b"0\r\n\r\n"), 400, "not JSON"),
    Hostile("chunks of one byte", chunked(*(b"1\r\n%c\r\n" % byte for byte in SMALL), b"0\r\n\r\n"), 400, "content: "),
    Hostile("20 MB in chunks", lambda: chunked(*[b"10000\r\n%b\r\n" % (b" " * 65_536)] * 320), 413, "16777216 bytes"),
)

ALL = (*LINES, *PATHS, *FIELDS, *FRAMING)

assert GOOD  # the request that a hostile one would send if it were accepted
