"""Certificates with which Amazon SNS signs. Each is downloaded once, and few are kept."""

import asyncio

from cryptography import x509

from providers.receipts.bounded_fetch import Fetch
from providers.receipts.receipt_format import CallbackUnavailableError, UnsignedCallbackError

MAX_CERTIFICATES = 16
"""Maximum number of certificates that are kept. A region of SNS has one at a time."""
MAX_DOWNLOADS = 4
"""Maximum number of different certificates that are downloaded at the same time."""


class SnsCertificates:
    """Certificates by their URL, which the caller has checked."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._known: dict[str, x509.Certificate] = {}
        self._downloads: dict[str, asyncio.Task[x509.Certificate]] = {}

    async def get(self, url: str) -> x509.Certificate:
        """Return the certificate of a URL. Calls at the same time share a download.

        Raises UnsignedCallbackError if there is none, and CallbackUnavailableError if it cannot be downloaded now.
        """
        if (certificate := self._known.get(url)) is not None:
            return certificate
        if (download := self._downloads.get(url)) is None:
            if len(self._downloads) >= MAX_DOWNLOADS:
                raise CallbackUnavailableError("too many downloads of certificates")
            download = self._downloads[url] = asyncio.create_task(self._download(url))
            download.add_done_callback(lambda ended: self._end(url, ended))
        return await asyncio.shield(download)

    async def _download(self, url: str) -> x509.Certificate:
        content = await self._fetch(url)
        try:
            return x509.load_pem_x509_certificate(content or b"")
        except (ValueError, x509.InvalidVersion):
            raise UnsignedCallbackError("SigningCertURL has no certificate") from None

    def _end(self, url: str, download: "asyncio.Task[x509.Certificate]") -> None:
        """Keep the certificate instead of the oldest one. Of a failed download nothing is kept."""
        del self._downloads[url]
        if download.cancelled() or download.exception() is not None:
            return
        while len(self._known) >= MAX_CERTIFICATES:
            del self._known[next(iter(self._known))]
        self._known[url] = download.result()
