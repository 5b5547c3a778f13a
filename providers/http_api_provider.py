"""Provider that calls an HTTP API. What differs between vendors is their `HttpApi`."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import aiohttp

from core.send_result import Failed, Retry, SendResult, Uncertain
from providers.connection_slots import ConnectionSlots, NoFreeConnectionError
from providers.draft import WITHDRAWN, Draft, NotPreparedError
from providers.http_api import ApiAnswer, HttpApi, OneForAll, Results
from providers.http_batch import HttpBatch
from providers.http_client import PostAttempt, open_session, read_body, try_connection
from providers.http_entry import HttpApiEntry
from providers.network import Network
from providers.provider import CLOSED, NO_FREE_CONNECTION
from providers.tls import client_context
from schemas.statuses import Reason

T = TypeVar("T")

_OF_THE_ACCOUNT = {Reason.RATE_LIMITED, Reason.PROVIDER_REJECTED_CREDENTIALS}
"""Reasons of an answer that concerns all calls, and not only the messages of this one."""

_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "rollcall"}


class HttpApiProvider(Generic[T]):
    """Provider of one account of a vendor."""

    def __init__(
        self,
        entry: HttpApiEntry,
        api: HttpApi[T],
        network: Network | None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.name = entry.name
        self.channel = entry.channel
        self.deduplicates = api.deduplicates
        self.batch_size = api.batch_size
        self.needs_vendor_template = api.needs_vendor_template
        self.rate_per_second = entry.rate_per_second
        self.timeout_seconds = entry.timeout_seconds
        self._api, self._network = api, network
        self._headers = {**_HEADERS, **(headers or {})}
        self._tls = client_context(entry.ca_file) if api.check_url.lower().startswith("https:") else None
        self._slots = ConnectionSlots(entry.concurrency, entry.timeout_seconds)
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def send(self, drafts: Sequence[Draft]) -> list[SendResult]:
        """Send the messages in as few calls as the vendor allows, each over a connection of its own."""
        if self._closed:
            return [CLOSED] * len(drafts)
        batch, lane = HttpBatch[T](drafts), drafts[0].lane
        try:
            async with (
                self._slots.send_time() as latest_start,
                self._slots.slot(lane, latest_start),
                asyncio.TaskGroup() as group,
            ):
                await self._prepare(batch)
                for _ in range(len(batch.calls) - 1):
                    batch.waiting.add(group.create_task(self._make_more_calls(batch, latest_start)))
                await self._make_calls(batch, latest_start)
                for task in filter(None, batch.waiting):  # no call is left for them
                    task.cancel()
        except NoFreeConnectionError:
            batch.settle_rest(CLOSED if self._closed else NO_FREE_CONNECTION)
        except TimeoutError:  # each call that was under way has its result
            pass
        return batch.results()

    async def check(self) -> str | None:
        """Connect, with TLS if the URL says so. Nothing is posted."""
        if self._closed:
            return "provider closed"
        return await try_connection(self._api.check_url, self._tls, self.timeout_seconds, self._network)

    def stop(self, within_seconds: float) -> None:
        """Begin no more calls. Running ones may take `within_seconds` more."""
        self._closed = True
        self._slots.stop(within_seconds)

    async def aclose(self) -> None:
        """Close the connections. A running call ends as cut."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def _prepare(self, batch: HttpBatch[T]) -> None:
        """Make the messages, and divide them into calls. One that cannot be made does not hold up the others."""
        for place, draft in enumerate(batch.drafts):
            try:
                batch.prepared[place] = await draft.prepare(self._api.encode)
            except NotPreparedError:
                batch.settle([place], draft.problem or WITHDRAWN)
        places = list(batch.prepared)
        try:
            groups = self._api.groups(list(batch.prepared.values())) if places else []
        except Exception:  # noqa: BLE001  # the call of the message at fault then fails alone
            groups = [[at] for at in range(len(places))]
        batch.calls.extend([places[at] for at in group] for group in groups)

    async def _make_more_calls(self, batch: HttpBatch[T], latest_start: float) -> None:
        """Make calls over one more connection, if one becomes free while calls are left."""
        with contextlib.suppress(NoFreeConnectionError):
            async with self._slots.slot(batch.drafts[0].lane, latest_start):
                batch.waiting.discard(asyncio.current_task())
                await self._make_calls(batch, latest_start)

    async def _make_calls(self, batch: HttpBatch[T], latest_start: float) -> None:
        """Make one call after the other. After `latest_start` none begins, so that there is time for its answer."""
        loop, attempt = asyncio.get_running_loop(), PostAttempt(batch.drafts[0].may_leave, self._network)
        while batch.calls and not self._closed and loop.time() < latest_start:
            places = batch.calls.popleft()
            if not await batch.may_call(places, latest_start):
                continue
            began_at = loop.time()
            try:
                results = await self._call(batch.messages(places), attempt)
            except asyncio.CancelledError:  # also by the time-out
                self._slots.limit.record(loop.time() - began_at, refused=False)
                self._settle_lost(batch, places, attempt, TimeoutError())
                raise
            except Exception as error:  # noqa: BLE001  # after any exception of the client there is no answer
                self._settle_lost(batch, places, attempt, error)
            else:
                self._slots.limit.record(loop.time() - began_at, refused=_is_too_many(results))
                self._settle(batch, places, results)
        if self._closed:
            batch.settle_rest(CLOSED)

    async def _call(self, messages: Sequence[T], attempt: PostAttempt) -> Results:
        """Make a call. One that cannot be made is refused as a whole, and so divided."""
        try:
            request = self._api.request(messages)
        except Exception as error:  # noqa: BLE001  # the same messages would raise the same error again
            return OneForAll(Failed(Reason.INVALID_CONTENT, f"preparing: {type(error).__name__}", offered=False))
        if self._session is None:
            self._session = open_session(self._headers, self._tls, self._network)
        body = attempt.begin(request.content, request.content_type)
        async with self._session.post(
            request.url, data=body, headers=request.headers, allow_redirects=False
        ) as response:
            attempt.answer = ApiAnswer(response.status, response.headers, None)
            answer = attempt.answer._replace(body=await read_body(response))
        return self._results(messages, answer)

    def _results(self, messages: Sequence[T], answer: ApiAnswer) -> Results:
        """Return what the answer means. One that cannot be understood may mean that the messages were taken."""
        number = len(messages)
        try:
            results = self._api.results(messages, answer)
        except Exception as error:  # noqa: BLE001  # see above
            return OneForAll(Uncertain(Reason.NO_ANSWER, f"HTTP {answer.status}: {type(error).__name__}"))
        fits = set(results.wrong) <= set(range(number)) if isinstance(results, OneForAll) else len(results) == number
        return results if fits else OneForAll(Uncertain(Reason.NO_ANSWER, f"HTTP {answer.status}: wrong number"))

    def _settle(self, batch: HttpBatch[T], places: list[int], results: Results) -> None:
        """Set the results of a call."""
        if not isinstance(results, OneForAll):
            batch.settle(places, *results)
        elif isinstance(results.result, Failed) and len(places) > 1 and not results.blames_no_message:
            batch.divide(places, results.result, results.wrong)
        else:
            batch.settle(places, results.result)
            if isinstance(results.result, Retry) and results.result.reason in _OF_THE_ACCOUNT:
                batch.end(results.result)  # the next call would have the same answer

    def _settle_lost(self, batch: HttpBatch[T], places: list[int], attempt: PostAttempt, error: Exception) -> None:
        """Set the results of a call whose answer, or the rest of it, did not come."""
        if attempt.answer is not None:
            self._settle(batch, places, self._results(batch.messages(places), attempt.answer))
            return
        result = attempt.lost(error)
        batch.settle(places, result)
        if isinstance(result, Retry):  # nor would the next call begin
            batch.end(result)


def _is_too_many(results: Results) -> bool:
    """Return whether the vendor refused the call because it gets too many (429)."""
    result = results.result if isinstance(results, OneForAll) else results[0]
    return isinstance(result, Retry) and result.reason is Reason.RATE_LIMITED
