"""Acceptance of a vendor's call: its keys are found, its body is read, and the caller is checked."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from fastapi import Request

from producer.callbacks.callback import read_callback
from producer.callbacks.check_caller import CallerCheck, RepeatedCallbackError
from producer.callbacks.counts import CallbackCounts
from producer.callbacks.sources import ReceiptSource, sources_of
from producer.callbacks.tenant_sources import TenantSources
from producer.dependencies import Dependencies
from producer.errors import (
    BadRequestError,
    ForeignCallError,
    TooLargeError,
    UnavailableError,
    UnsignedCallError,
)
from producer.http.body_arrival import ArrivalBounds
from producer.http.request_bodies import RequestBodyReader
from providers.receipts.receipt_format import (
    Callback,
    CallbackUnavailableError,
    ForeignCallbackError,
    ReceiptFormat,
    UnreadableCallbackError,
    UnsignedCallbackError,
)

MAX_BODY_BYTES = 1024 * 1024
"""Maximum size of a body in bytes."""
_ROOM_BODIES = 8
"""Memory for the bodies above 64 KiB of one provider, in bodies of the maximum size with the copies of their text."""


@dataclass(frozen=True, slots=True)
class AcceptedCall:
    """Call of a vendor that has passed the check."""

    source: ReceiptSource
    format: ReceiptFormat = field(repr=False)
    callback: Callback
    raw: bytearray = field(repr=False)
    """Body, whose memory is counted until it is cleared."""


class CallGate:
    """Accepts the calls of vendors at all paths, bound to the parts of the service."""

    def __init__(self, deps: Dependencies) -> None:
        self._deps = deps
        self._sources = sources_of(deps.settings.receipt_entries)
        self._tenant_sources = TenantSources(deps.gateway, deps.sealer, deps.clock.monotonic)
        self._check = CallerCheck(deps.gateway, deps.sealer, deps.clock.now)
        # Bodies of strangers have a room of their own, so that no request waits for them.
        arrival = ArrivalBounds(deps.settings.min_body_bytes_per_second)
        self.body_reader = RequestBodyReader(_ROOM_BODIES * MAX_BODY_BYTES, arrival)
        self.counts = CallbackCounts(deps.metrics.registry, deps.clock.monotonic)

    @asynccontextmanager
    async def accepted(
        self, request: Request, provider: str, secret: str | None, kinds: frozenset[str] | None = None
    ) -> AsyncIterator[AcceptedCall]:
        """Yield a call after its check, and count it if it is refused, also within the block. Raises ApiError.

        A provider of another kind than `kinds` gets the answer of one that does not exist.
        """
        with self._counted_refusals(None):
            source = self._sources.get(provider) or await self._tenant_sources.find(provider)
        with self._counted_refusals(source):
            # Those without a provider share one room.
            room = source.provider if source else ""
            async with self.body_reader.read(request, room, MAX_BODY_BYTES, media_type=None) as raw:
                if source is None or (kinds is not None and source.kind not in kinds):
                    raise UnsignedCallbackError
                now = self._deps.clock.now()
                callback = read_callback(request, bytes(raw), self._deps.settings.public_url, secret, now)
                yield AcceptedCall(source, await self._check.check(source, callback), callback, raw)

    @contextmanager
    def _counted_refusals(self, source: ReceiptSource | None) -> Iterator[None]:
        """Count a call that is refused, and turn the errors of formats into those of the API."""
        try:
            yield
        except UnsignedCallbackError as error:
            self.counts.refused(source, "unsigned", str(error))
            raise UnsignedCallError from None
        except RepeatedCallbackError:
            self.counts.refused(source, "repeated")
            raise UnsignedCallError from None
        except ForeignCallbackError as error:
            self.counts.refused(source, "foreign", str(error))
            raise ForeignCallError from None
        except CallbackUnavailableError as error:
            self.counts.refused(source, "unavailable", str(error))
            raise UnavailableError("the call cannot be checked at the moment. Send it again.") from None
        except UnreadableCallbackError as error:
            self.counts.refused(source, "unreadable", str(error))
            raise BadRequestError("the body does not have the form of the provider's calls") from None
        except TooLargeError:
            self.counts.refused(source, "too_large")
            raise
        except UnavailableError:
            self.counts.refused(source, "unavailable")
            raise
