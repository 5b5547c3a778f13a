"""The mutants: what is broken, and by which change of the source."""

from typing import NamedTuple

from tests.mutants.copies import Edit


class Mutant(NamedTuple):
    """One mistake that somebody might make."""

    name: str
    meaning: str
    edits: tuple[Edit, ...]
    row: int | None = None
    """The row of tests/torture that must find it as well."""
    test: str | None = None
    """The test that must fail where simulated worlds do not find it, or fewer than one in forty does: 600 may miss it.

    Such a test tries every step, and a simulated world only the steps that its seed draws.
    """


WORKER, CLAIMS, INTAKE = (
    "consumer/deliver/chunk_worker.py",
    "ledger/memory/chunk_store.py",
    "consumer/expand/expansion_queue.py",
)
STOP = "consumer/deliver/chunk_rules.py"
CRASHES = "tests/flow/consumer/faults/test_crashes.py"
LEASE = "tests/flow/consumer/deliver/test_lease.py"
LIMITS = "tests/flow/consumer/test_text_limits.py"
BATCHES = "tests/flow/consumer/deliver/test_batches.py"
PROVIDERS = "tests/contract/providers/test_provider_contract.py"
NETWORK = "tests/contract/providers/test_provider_network.py"
SHARED_RATE, QUOTAS = "tests/unit/consumer/test_shared_rate.py", "tests/unit/consumer/test_tenant_quotas.py"
OWN, OWN_TAKEOVER = (
    "tests/flow/consumer/deliver/test_own_providers.py",
    "tests/flow/consumer/deliver/test_own_provider_takeover.py",
)
SECRETS = "tests/flow/consumer/deliver/test_secret_variables.py"
RECEIPTS, SETTLED = "consumer/settle/receipt_queue.py", "tests/flow/consumer/settle"
SUPPRESSIONS = "tests/flow/consumer/test_suppressions.py"
SUPPRESSIONS = "tests/flow/consumer/test_suppressions.py"

MUTANTS = (
    Mutant(
        "no-intent",
        "who claims does not know that a window was open",
        (
            Edit(CLAIMS, "document.taken_over = document.window is not None", "document.taken_over = False"),
            Edit(
                "ledger/mongo/chunk_pipelines.py", '{"$ifNull": ["$taken_over", False]}, open_window]', "False, False]"
            ),
        ),
        row=1,
    ),
    Mutant(
        "log-overwritten",
        "a log is written without its unique id",
        (
            Edit(
                "ledger/memory/log_store.py",
                "return [self._store.logs.setdefault(log.id, log) for log in logs]",
                "self._store.logs.update({log.id: log for log in logs})\n        return list(logs)",
            ),
        ),
    ),
    Mutant(
        "publish-before-log",
        "events go out before their logs are written",
        (
            Edit(
                WORKER,
                "        if logs:\n            self._record_logs(",
                "        if logs:\n            self._publisher.add(logs)\n"
                "            self._publisher.start()\n            self._record_logs(",
            ),
        ),
    ),
    Mutant(
        "close-before-publish",
        "a chunk is closed before its events are acknowledged",
        (Edit("consumer/deliver/deliver.py", "        await worker.wait_for_acks()\n", ""),),
        row=2,
    ),
    Mutant(
        "events-forgotten",
        "what is logged and not acknowledged is not in the chunk",
        (Edit(WORKER, "            unacknowledged=self._publisher.unacknowledged(),\n", ""),),
        test=CRASHES,
    ),
    Mutant(
        "completion-without-open-chunks",
        "a request is completed without asking for open chunks",
        (
            Edit(
                "consumer/request_lifecycle.py",
                'if await context.retry_until_available("check for open chunks", chunks.has_open, key):',
                "if False:",
            ),
        ),
        row=1,
    ),
    Mutant(
        "completion-without-parts",
        "a request is completed without asking for its parts",
        (
            Edit("consumer/request_lifecycle.py", " or not request.all_parts_expanded:", ":"),
            Edit("ledger/memory/request_store.py", " or not document.request.all_parts_expanded:", ":"),
            Edit("ledger/mongo/request_store.py", '"completion": None, "$expr": ALL_EXPANDED}', '"completion": None}'),
        ),
    ),
    Mutant(
        "small-accepted-without-its-claim",
        "a small request is written without the claim that its owner believes in",
        (
            Edit(
                "ledger/memory/request_store.py",
                "            return await self._chunks.claim(chunk.id, claim)\n",
                "            from ledger.claims import first_claim\n\n            return first_claim(chunk, claim)\n",
            ),
        ),
    ),
    Mutant(
        "small-closed-without-its-owner",
        "a small request is completed although another owner took over",
        (
            Edit(
                "ledger/memory/request_store.py",
                "        if not await self._chunks.close(token, counts, cost):\n            return None\n",
                "        await self._chunks.close(token, counts, cost)\n",
            ),
        ),
        test="tests/contract/ledger/test_small_requests.py",
    ),
    Mutant(
        "small-completed-before-its-logs",
        "a small request is closed and completed before its logs are written",
        (
            Edit(
                WORKER,
                "        if logs:\n            self._record_logs(stored := await self._logs.write(logs))\n",
                "        if logs and self.chunk.in_request:\n            self._record_logs(logs)\n"
                "            await self._writes.close(self._logs.counts)\n            await self._logs.write(logs)\n"
                "        elif logs:\n            self._record_logs(stored := await self._logs.write(logs))\n",
            ),
        ),
    ),
    Mutant(
        "small-written-twice",
        "a batch that has one request id twice writes both, and both are believed to be new",
        (
            Edit(
                "ledger/mongo/grouped_writes.py",
                'written = {each["index"] for each in reply.get("upserted", ())}',
                "written = set(range(len(batch)))",
            ),
        ),
        test="tests/unit/ledger/test_grouped_writes.py",
    ),
    Mutant(
        "one-refusal-fails-the-batch",
        "a document that MongoDB refuses fails all others of its command",
        (
            Edit(
                "ledger/mongo/group_commit.py",
                "isinstance(error, (LedgerRefused, MixedResults))",
                "isinstance(error, MixedResults)",
            ),
        ),
        test="tests/unit/ledger/test_group_commit.py",
    ),
    Mutant(
        "accepted-event-forgotten",
        "only the process that wrote a small request says that it was accepted",
        (
            Edit(
                "consumer/deliver/claim_chunks.py",
                "return self.claimed.chunk.work.accepted_pending and self._origin is not ClaimOrigin.WAKE_UP",
                "return self._origin is ClaimOrigin.NEW",
            ),
        ),
        test=CRASHES,
    ),
    Mutant(
        "small-text-of-another-body",
        "the text of a repeat with another body takes the place of the first one",
        (
            Edit(
                "consumer/expand/small_requests.py",
                "        if claimed:  # another body of a request that exists must not be sent\n            ",
                "        if True:\n            ",
            ),
        ),
        test="tests/flow/consumer/deliver/test_handover.py",
    ),
    Mutant(
        "last-call-before-marks",
        "the last chunk of a part is called before what was ordered meanwhile is on it",
        (
            Edit(
                "consumer/expand/write_chunks.py",
                "        await apply_control_flags(key, request.control_flags, context, part.number)\n",
                "",
            ),
        ),
        test="tests/flow/consumer/test_control_flags.py",
    ),
    Mutant(
        "closed-with-something-left",
        "a chunk is closed after its first window, whatever waits",
        (
            Edit(
                WORKER,
                "return not (self._work.waiting or self._outcomes.retries or self._outcomes.unsent_decisions)",
                "return not self._outcomes.retries",
            ),
        ),
    ),
    Mutant(
        "logs-ignored",
        "a take-over sends what is logged already",
        (
            Edit(
                "consumer/deliver/takeover_decisions.py",
                "if entry.index in logs]",
                "if entry.index in logs and not window.taken_over]",
            ),
            Edit(
                WORKER,
                "        if self._window.intent and (read_logs or",
                "        if self._window.intent and not self._window.taken_over and (read_logs or",
            ),
        ),
    ),
    Mutant(
        "lease-on-local-clock",
        "a worker does not end its lease by its own clock",
        (
            Edit(
                "consumer/deliver/lease.py",
                "return not self._refused and self._monotonic() < self._ends_at",
                "return not self._refused",
            ),
        ),
        test=LEASE,
    ),
    Mutant(
        "zombie-goes-on",
        "a worker goes on after a write of its own was refused, and its lease over",
        (
            Edit(
                "consumer/deliver/lease.py",
                "return not self._refused and self._monotonic() < self._ends_at",
                "return True",
            ),
            Edit(
                "consumer/deliver/fenced_writes.py",
                "        if flags is None:\n            raise self._lease.mark_lost()\n",
                "        if flags is None:\n            return ControlFlags()\n",
            ),
        ),
        test=LEASE,
    ),
    Mutant(
        "advance-unfenced",
        "a write to a chunk does not ask for owner and fence",
        (
            Edit(
                CLAIMS,
                "return document if document and document.open and _is_owned(document, token) else None",
                "return document if document and document.open else None",
            ),
        ),
        test=LEASE,
    ),
    Mutant(
        "committed-before-chunks",
        "an offset is committed before the chunks are written",
        (
            Edit(
                INTAKE,
                "            await expand_record(record, cluster, context, isolate_failures=attempt == MAX_TRIES)\n",
                "            asyncio.get_running_loop().create_task(expand_record(record, cluster, context))\n",
            ),
        ),
    ),
    Mutant(
        "counts-added",
        "the counts of a chunk are added to, not set",
        (
            Edit(
                CLAIMS,
                "work=Work(counts=Counter(counts), cost",
                "work=Work(counts=document.chunk.work.counts + Counter(counts), cost",
            ),
        ),
    ),
    Mutant(
        "pause-ignored",
        "a worker does not obey a pause",
        (Edit(STOP, "self.paused = flags.paused", "self.paused = False"),),
        row=15,
        test="tests/flow/consumer/faults/test_control_during_delivery.py",
    ),
    Mutant(
        "cancel-ignored",
        "a worker does not obey a cancel",
        (Edit(STOP, "        if flags.cancelled:\n", "        if flags.cancelled and self.stop:\n"),),
        row=15,
    ),
    Mutant(
        "pause-unnumbered",
        "a mark that comes late undoes a newer one",
        (Edit(CLAIMS, "document.chunk.pauses >= pauses or ", ""),),
        test="tests/contract/ledger/chunks/test_pause_and_resume.py",
    ),
    Mutant(
        "expiry-ignored",
        "a worker does not look at the time",
        (Edit(STOP, "if not self.stop and self._expires_at and", "if self.stop and self._expires_at and"),),
    ),
    Mutant(
        "decided-unlogged",
        "what was decided while expanding gets no log",
        (
            Edit(
                WORKER,
                "logs = [self._factory.log_of_decision(decided, now) for decided in self._work.decided]",
                "logs: list[Log] = []",
            ),
        ),
    ),
    Mutant(
        "doubt-forgotten",
        "a delivery that was in doubt is tried again as if it were not",
        (
            Edit("core/delivery_outcome.py", "    entry.possibly_sent = True\n", ""),
            Edit(
                "consumer/deliver/takeover_decisions.py",
                "            entry.possibly_sent = True\n",
                "            pass\n",
            ),
        ),
    ),
    Mutant(
        "uncertain-is-retry",
        "an uncertain answer is tried again, whatever the request says",
        (
            Edit(
                "core/delivery_outcome.py",
                "if rules.on_uncertain is OnUncertain.MARK_UNKNOWN:",
                "if rules.stop_detail:",
            ),
        ),
        row=8,
    ),
    Mutant(
        "take-over-uncounted",
        "a window that was taken over is sent again without its attempt written first",
        (
            Edit(
                WORKER,
                "if self._window.intent != claimed:",
                "if self._window.intent is None:",
            ),
        ),
        test="tests/flow/consumer/deliver/test_takeover_limit.py",
    ),
    Mutant(
        "duplicates-sent",
        "a recipient of a lower part is sent to again",
        (Edit("consumer/expand/exclusions.py", "if part == 0:", "if part < 100:"),),
    ),
    Mutant(
        "resend-repeats-what-was-sent",
        "a resend does not ask whether what it repeats may be sent again",
        (
            Edit(
                "consumer/expand/exclusions.py",
                "if not (old in reserved and first_index[old] == index)",
                "if first_index[old] != index",
            ),
        ),
    ),
    Mutant(
        "resent-whatever-became-of-it",
        "what was sent meanwhile is noted to be sent again",
        (
            Edit("ledger/memory/log_store.py", "log.status in RESENDABLE and log.resent_as", "log.resent_as"),
            Edit("ledger/mongo/log_store.py", '"status": {"$in": _RESENDABLE}, "resent_as"', '"resent_as"'),
        ),
    ),
    Mutant(
        "resent-twice",
        "a second resend takes the place of the first on a log",
        (
            Edit("ledger/memory/log_store.py", " and log.resent_as is None:", ":"),
            Edit("ledger/mongo/log_store.py", '{"$in": _RESENDABLE}, "resent_as": None, ', '{"$in": _RESENDABLE}, '),
        ),
    ),
    Mutant(
        "resend-forgets-what-it-repeats",
        "the log of a delivery that was sent again does not name the one that it repeats",
        (Edit("consumer/deliver/delivery_factory.py", "            self._resend_of[at],\n", ""),),
    ),
    Mutant(
        "reply-topic-ignored",
        "events go to the default topic whatever their request says",
        (Edit("consumer/publish_results.py", "topic = header.reply_topic", "topic = context.topics.results"),),
    ),
    Mutant(
        "reply-topic-awaited",
        "events wait for a reply topic that is no more",
        (
            Edit(
                "consumer/publish_results.py",
                "                if await self._may_recover(error):",
                "                if await self._may_recover(error) or error:",
            ),
        ),
        test="tests/flow/consumer/faults/test_refusals.py",
    ),
    Mutant(
        "failed-reply-topic-forgotten",
        "every request waits anew for a reply topic that takes no events",
        (Edit("consumer/publish_results.py", "        health.failed(self._topic)\n", ""),),
        test="tests/flow/consumer/faults/test_refusals.py",
    ),
    Mutant(
        "choices-count-as-garbage",
        "callers stop the intake of all others with reply topics that do not exist",
        (Edit("consumer/expand/reject.py", "if rejection.is_garbage:", "if rejection:"),),
        test="tests/flow/consumer/test_circuit_breaker.py",
    ),
    Mutant(
        "unopened-window-kept",
        "who lacks the sealing key leaves the window open that its claim recorded",
        (
            Edit(
                "consumer/deliver/deliver.py",
                "await put_back_without_key(leased.claimed, delay, header.expires_at, context)",
                "pass",
            ),
        ),
        test="tests/flow/consumer/faults/test_repeated_failures.py",
    ),
    Mutant(
        "uncommitted-read",
        "records of open and of aborted transactions are read",
        (
            Edit(
                "consumer/subscribers.py",
                '"isolation_level": "read_committed"',
                '"isolation_level": "read_uncommitted"',
            ),
        ),
        test="tests/contract/kafka/test_read_positions.py",
    ),
    Mutant(
        "position-of-an-unfinished-record",
        "a position is committed although a record before it is not done",
        (
            Edit(
                "consumer/kafka/offset_tracker.py",
                "        if not self._open:\n            self.next",
                "        if True:\n            self.next",
            ),
        ),
        test="tests/unit/consumer/test_partition_offsets.py",
    ),
    Mutant(
        "position-of-a-batch-that-waits",
        "a position is committed although records of its batch still wait for those before them",
        (
            Edit(
                "consumer/subscribers.py",
                "[position.start(record) for record in records]",
                "map(position.start, tuple(records))",
            ),
        ),
        test="tests/unit/consumer/test_subscribers.py",
    ),
    Mutant(
        "position-between-reading-and-handler",
        "a position is committed while its record is on its way to the handler",
        (Edit("consumer/kafka/read_positions.py", " or not (self.handling or _waits_for_record(consumer))", ""),),
        test="tests/contract/kafka/test_read_positions.py",
    ),
    Mutant(
        "markers-uncommitted",
        "only positions behind a record are committed, so a lag stays after a transaction",
        (
            Edit(
                "consumer/kafka/offset_tracker.py",
                "            self._commit_until(position, partition)\n",
                "            pass\n",
            ),
        ),
    ),
    Mutant(
        "lag-to-the-last-stable-offset",
        "records of an open transaction are no lag",
        (
            Edit(
                "consumer/kafka/kafka_bus.py", 'isolation_level="read_uncommitted"', 'isolation_level="read_committed"'
            ),
        ),
        test="tests/contract/kafka/test_read_positions.py",
    ),
    Mutant(
        "never-old",
        "the age of a delivery is lost when its window opens, so that only its attempts end it",
        (Edit("consumer/deliver/open_window.py", "history=batch.histories.get(index)", "history=None"),),
        test="tests/flow/consumer/deliver/test_age.py",
    ),
    Mutant(
        "age-forgotten-by-mongodb",
        "the earlier tries of the deliveries are not stored",
        (Edit("ledger/mongo/work_documents.py", "if histories := _histories_of(work, window):", "if False:"),),
        test="tests/contract/ledger/documents/test_chunk_documents.py",
    ),
    Mutant(
        "full-slots-end-a-delivery",
        "a delivery that no provider was asked for grows old like one that was refused",
        (Edit("core/retry.py", "ages = was_called or is_kept_away", "ages = bool(answer)"),),
        test="tests/flow/consumer/deliver/test_age.py",
    ),
    Mutant(
        "asked-to-wait-is-final",
        "a provider that asks for a wait beyond the age ends the delivery",
        (
            Edit(
                "core/retry.py",
                "(ages and waited >= policy.max_age)",
                "(ages and waited + timedelta(seconds=_asked_seconds(answer) or 0) >= policy.max_age)",
            ),
        ),
        test="tests/flow/consumer/deliver/test_age.py",
    ),
    Mutant(
        "one-draw-a-window",
        "all deliveries of a window come back at the same moment",
        (
            Edit(
                "consumer/deliver/chunk_rules.py",
                "jitter=context.random,",
                "jitter=lambda draw=context.random(): draw,",
            ),
        ),
        test="tests/flow/consumer/deliver/test_age.py",
    ),
    Mutant(
        "without-key-for-ever",
        "the time that a chunk waits without its key is not noted, so that it never ends",
        (Edit("consumer/deliver/deliver.py", "without_key=work.without_key + delay", "without_key=work.without_key"),),
        test="tests/flow/consumer/faults/test_repeated_failures.py",
    ),
    Mutant(
        "open-window-without-key-for-ever",
        "the time that an open window waits without its key is not noted, so that it never ends",
        (Edit("consumer/deliver/deliver.py", "without_key=work.without_key + lease", "without_key=work.without_key"),),
        test="tests/flow/consumer/faults/test_repeated_failures.py",
    ),
    Mutant(
        "lost-batch-is-refused",
        "the messages of a call that broke off are tried again as if none of them had been sent",
        (
            Edit(
                "providers/provider.py",
                "results = [Uncertain(Reason.NO_ANSWER, fault)] * len(drafts)",
                "results = [Retry(Reason.UNAVAILABLE, fault)] * len(drafts)",
            ),
        ),
        test=BATCHES,
    ),
    Mutant(
        "lost-post-is-refused",
        "the messages of a POST without an answer are tried again as if none of them had been sent",
        (Edit("providers/http_client.py", "ResultKind.NO_ANSWER, f", "ResultKind.UNAVAILABLE, f"),),
        row=23,
        test=PROVIDERS,
    ),
    Mutant(
        "too-few-results-believed",
        "a call with a result for some of its messages leaves the others to the next one",
        (
            Edit("providers/provider.py", "if len(results) != len(drafts):", "if not results:"),
            Edit("providers/provider.py", "zip(drafts, results, strict=True)", "zip(drafts, results)"),
            Edit(
                "consumer/deliver/send_window.py",
                "zip(call.entries, results, strict=True)",
                "zip(call.entries, results)",
            ),
        ),
        test=BATCHES,
    ),
    Mutant(
        "batch-in-another-order",
        "the results of a call are matched to its messages from the end",
        (Edit("consumer/deliver/send_window.py", "zip(call.entries, results,", "zip(call.entries, results[::-1],"),),
        test=BATCHES,
    ),
    Mutant(
        "vendor-results-in-another-order",
        "the results of a vendor are matched to the messages of its call from the end",
        (Edit("providers/http_batch.py", "in zip(places, results", "in zip(places[::-1], results"),),
        test=PROVIDERS,
    ),
    Mutant(
        "batch-refused-fails-all",
        "a call that is refused because of one message fails all of its messages",
        (
            Edit(
                "providers/http_api_provider.py",
                "len(places) > 1 and not results.blames_no_message",
                "not places",
            ),
        ),
        row=23,
        test=PROVIDERS,
    ),
    Mutant(
        "unnamed-mails-refused",
        "the mails of a batch that an answer does not name count as refused",
        (
            Edit(
                "providers/vendors/ses.py",
                "else [None] * mails",
                'else [{"Status": "FAILED"}] * mails',
            ),
        ),
        test="tests/contract/providers/test_provider_ses_answers.py",
    ),
    Mutant(
        "batch-longer-than-a-second",
        "a call has more messages than the rate of its provider allows in a second",
        (
            Edit(
                "consumer/deliver/send_window.py",
                "max(1, int(min([provider.batch_size, *rates])))",
                "provider.batch_size",
            ),
        ),
        test=BATCHES,
    ),
    Mutant(
        "batch-larger-than-its-room",
        "a call has more bytes than there is room for",
        (Edit("consumer/deliver/send_window.py", " or size + draft.size > most_bytes):", "):"),),
        test=BATCHES,
    ),
    Mutant(
        "rate-counts-calls",
        "a call with several messages takes one turn of the rate",
        (Edit("consumer/deliver/send_window.py", "self._lane, messages\n", "self._lane, 1\n"),),
        test=BATCHES,
    ),
    Mutant(
        "divided-calls-are-free",
        "messages that are sent once more after a division take no turn of the rate",
        (Edit("providers/http_batch.py", "        if is_first_try:\n", "        if True:\n"),),
        test="tests/unit/providers/test_http_api_provider.py",
    ),
    Mutant(
        "poison-pauses-for-ever",
        "a message that is refused as if by the account pauses its provider each time",
        (
            Edit(
                "consumer/flow_control/credential_pause.py",
                "min(2 * self._needed.get(error, 1), MOST_CALLS)",
                "1",
            ),
        ),
        test="tests/flow/consumer/deliver/test_refused_credentials.py",
    ),
    Mutant(
        "renewal-tells-nothing",
        "a renewal of the lease does not tell a cancel to the calls under way",
        (Edit("consumer/deliver/lease.py", "            if self.on_renewed:\n", "            if not flags:\n"),),
        test=BATCHES,
    ),
    Mutant(
        "withdrawn-after-lease",
        "a message that has not left is sent although the lease is over",
        (
            Edit(
                "consumer/deliver/send_window.py",
                "return self._lease.alive and not self._is_stopped()",
                "return not self._is_stopped()",
            ),
        ),
        test=BATCHES,
    ),
    Mutant(
        "withdrawn-mail-written",
        "a mail leaves although it may not leave any more",
        (
            Edit(
                "providers/smtp_pump.py",
                "job.result is None and not job.draft.may_leave():",
                "job.result is None and False:",
            ),
            Edit(
                "providers/smtp_pump.py",
                " or (refusal is None and not job.draft.may_leave()):",
                ":",
            ),
        ),
        test=PROVIDERS,
    ),
    Mutant(
        "withdrawn-post-written",
        "a POST leaves although its messages may not leave any more",
        (Edit("providers/http_client.py", "if not self.may_leave():", "if False:"),),
        test=PROVIDERS,
    ),
    Mutant(
        "post-logged",
        "a log line shows what was posted to a vendor",
        (
            Edit(
                "providers/http_client.py",
                "import asyncio\nimport socket\n",
                "import asyncio\nimport logging\nimport socket\n",
            ),
            Edit(
                "providers/http_client.py",
                "        self.answer = None\n        self._body =",
                "        self.answer = None\n        logging.debug(content.decode())\n        self._body =",
            ),
        ),
        test=PROVIDERS,
    ),
    Mutant(
        "inside-posted-to",
        "a message is posted to an address of the inside",
        (Edit("providers/network.py", "        if not self._allows_text(host):\n", "        if False:\n"),),
        test=NETWORK,
    ),
    Mutant(
        "inside-resolved-again",
        "a mail server is connected to by its name, and not by the address that was checked",
        (Edit("providers/network.py", "(make_protocol, last, port", "(make_protocol, host, port"),),
        test=NETWORK,
    ),
    Mutant(
        "refused-connection-charged",
        "a mail uses an attempt because the server takes no more connections",
        (
            Edit(
                "providers/smtp_pool.py",
                "        if self._pumps:\n            return\n",
                "",
            ),
        ),
        test="tests/contract/providers/test_provider_smtp_limits.py",
    ),
    Mutant(
        "small-waits-for-all-calls",
        "a small request waits for all calls of large ones that wait for a provider",
        (
            Edit(
                "core/lane_queue.py",
                "        return self._express if lane is Lane.EXPRESS else self._bulk\n",
                "        return self._bulk if lane else self._express\n",
            ),
        ),
        test="tests/unit/providers/test_connection_slots.py",
    ),
    Mutant(
        "bulk-starves",
        "large requests get no call at a provider while small ones keep coming",
        (
            Edit(
                "core/lane_queue.py",
                "        if self._express and (not self._bulk or self._express_turns < EXPRESS_TURNS):\n",
                "        if self._express:\n",
            ),
        ),
        test="tests/unit/consumer/test_provider_rate.py",
    ),
    Mutant(
        "doubt-passed-on",
        "a delivery that a provider may have taken goes to the next one at once",
        (Edit("core/delivery_outcome.py", "not (sticky or entry.possibly_sent)", "not sticky"),),
        test="tests/unit/core/test_delivery_outcome.py",
    ),
    Mutant(
        "round-without-attempt",
        "the refusal of the last provider of a route spends no attempt",
        (Edit("core/retry.py", "answer.reason not in USES_NO_ATTEMPT) or", "not answer) or"),),
        test="tests/unit/core/test_retry.py",
    ),
    Mutant(
        "mixed-window",
        "recipients of different routes share a window, and so a provider",
        (
            Edit(
                "consumer/provider_choice.py",
                "return None if self._offer.table.only_route else self._route_of",
                "return None",
            ),
        ),
        test="tests/flow/consumer/deliver/test_routes.py",
    ),
    Mutant(
        "stale-choice",
        "a window goes to the provider that was chosen with it, although the routes have changed",
        (Edit("consumer/provider_choice.py", "keeps = intent.provider in self._open(batch)", "keeps = True"),),
        test="tests/flow/consumer/deliver/test_routes.py",
    ),
    Mutant(
        "breaker-stays-closed",
        "a provider is called however often it fails",
        (
            Edit(
                "consumer/flow_control/provider_breaker.py",
                "            if self._opens():\n",
                "            if False:\n",
            ),
        ),
        row=24,
        test="tests/unit/consumer/test_provider_breaker.py",
    ),
    Mutant(
        "surplus-reply-kept",
        "a reply that no command asked for answers the next mail",
        (
            Edit(
                "providers/smtp_wire.py",
                "        else:\n            self._out_of_step = True\n",
                "        else:\n            pass\n",
            ),
        ),
        test="tests/contract/providers/test_provider_smtp_surplus.py",
    ),
    Mutant(
        "any-time-believed",
        "a request is accepted at whatever time its record states",
        (
            Edit(
                "consumer/expand/accepted_at.py",
                "if time and EARLIEST <= time <= before",
                "if time",
            ),
        ),
        test="tests/flow/consumer/expand/test_accepted_at.py",
    ),
    Mutant(
        "deleted-too-early",
        "a request is deleted as soon as it is completed, whatever the setting says",
        (
            Edit("ledger/memory/retention_store.py", "in completed if at <= before]", "in completed]"),
            Edit("ledger/mongo/retention_store.py", '{"$lte": before}', '{"$exists": True}'),
        ),
        test="tests/flow/consumer/test_retention_job.py",
    ),
    Mutant(
        "secrets-erased-at-the-claim",
        "secret variables are erased as soon as a worker has read them",
        (
            Edit(
                CLAIMS,
                "        token = ClaimToken(chunk.id, claim.owner,",
                "        document.chunk = replace(document.chunk, sealed_secrets={})\n"
                "        token = ClaimToken(chunk.id, claim.owner,",
            ),
        ),
        test=SECRETS,
    ),
    Mutant(
        "secrets-erased-with-the-intent",
        "the secret variables of a window are erased by the write that opens it",
        (
            Edit(
                "consumer/deliver/fenced_writes.py",
                "self._with_secrets - without_outcome(work, window)",
                "self._with_secrets - without_outcome(work, None)",
            ),
        ),
        test=SECRETS,
    ),
    Mutant(
        "secrets-of-retries-erased",
        "the secret variables of a delivery that waits for a retry are erased",
        (Edit("core/chunk_work.py", "*(retry.index for retry in work.retries), *chain(", "*chain("),),
    ),
    Mutant(
        "secrets-left-at-the-close",
        "a chunk is closed with its secret variables",
        (Edit(CLAIMS, "cost=dict(cost)), sealed_secrets={}", "cost=dict(cost))"),),
    ),
    Mutant(
        "secrets-of-the-request-erased-early",
        "the secret variables of a request are erased when its first part is expanded",
        (
            Edit(
                "ledger/memory/request_store.py",
                "        document.request = replace(document.request, expanded_parts=",
                "        header = replace(document.request.header, sealed_secrets=None)\n"
                "        document.request = replace(document.request, header=header, expanded_parts=",
            ),
        ),
    ),
    Mutant(
        "secrets-of-the-request-left",
        "a request is completed with its secret variables",
        (
            Edit(
                "ledger/memory/request_store.py",
                "header = replace(document.request.header, sealed_secrets=None)",
                "header = document.request.header",
            ),
        ),
    ),
    Mutant(
        "mask-sent",
        "a provider gets the text as it is shown",
        (
            Edit(
                "consumer/deliver/delivery_factory.py",
                "text = template.render_content(variables, self._limit)",
                "text = template.render_masked(variables)",
            ),
        ),
    ),
    Mutant(
        "limit-forgets-doubt",
        "a text that is too long now counts as not sent, although an earlier owner may have sent it",
        (
            Edit(
                "core/delivery_outcome.py",
                "doubted = entry.possibly_sent or (rules.sticky and not result.offered)",
                "doubted = entry.possibly_sent",
            ),
        ),
        test=LIMITS,
    ),
    Mutant(
        "secret-shown",
        "a text is shown as it is sent",
        (
            Edit(
                "ledger/message_template.py",
                "masked = {**variables, **dict.fromkeys(self.secret_variables, MASK)}",
                "masked = dict(variables)",
            ),
        ),
        test="tests/flow/producer/test_secret_variables.py",
    ),
    Mutant(
        "slots-shared",
        "each process leases slots from now on, as if there was no other one",
        (Edit("core/rate_schedule.py", "first_at = max(schedule.next_at, now) if", "first_at = now if"),),
        test=SHARED_RATE,
    ),
    Mutant(
        "slots-in-the-past",
        "a process uses all slots that it missed, however long ago",
        (
            Edit(
                "consumer/flow_control/shared_rate.py",
                "is_over = block.next_at < now - LATE_SECONDS",
                "is_over = False",
            ),
        ),
        test=SHARED_RATE,
    ),
    Mutant(
        "limit-ignored",
        "permits of a tenant are given beyond its limit",
        (
            Edit(
                "core/period_limits.py",
                "granted = max(0, min([permits, *left.values()]))",
                "granted = permits",
            ),
        ),
        test=QUOTAS,
    ),
    Mutant(
        "old-minute-used",
        "a permit of a minute that is over is used in the next one",
        (
            Edit(
                "consumer/flow_control/tenant_quotas.py",
                "if self._monotonic() < grant.valid_until:",
                "if grant.permits:",
            ),
        ),
        test=QUOTAS,
    ),
    Mutant(
        "limit-spends-attempt",
        "a delivery that waits for the limit of its tenant counts as offered",
        (
            Edit(
                "consumer/flow_control/tenant_quotas.py",
                '"limit of the tenant", delay_seconds=delay, offered=False)',
                '"limit of the tenant", delay_seconds=delay)',
            ),
        ),
        test=QUOTAS,
    ),
    Mutant(
        "no-reservation",
        "a window is sent without a reservation from the budget of its request",
        (
            Edit(
                "consumer/billing/budget.py",
                "room = await self._reserve(spent + sum(prices.values())) - spent",
                "room = sum(prices.values())",
            ),
        ),
    ),
    Mutant(
        "unreserved-is-uncertain",
        "a window that nobody had reserved is taken over as one that may have been sent",
        (
            Edit(
                "consumer/billing/budget.py",
                "return header.budget is None or (window is not None and window.reserved)",
                "return header is not None and (window is None or window is not None)",
            ),
        ),
        test="tests/flow/consumer/test_budgets.py",
    ),
    Mutant(
        "reference-without-version",
        "a changed configuration of a tenant's provider counts as the one that may have sent a delivery",
        (
            Edit(
                "ledger/tenant_port.py",
                'return f"{self.name}@{self.id}.{self.version}"',
                'return f"{self.name}@{self.id}"',
            ),
        ),
        test=OWN_TAKEOVER,
    ),
    Mutant(
        "take-over-by-bare-name",
        "a window of a tenant's provider is sent again by whatever has its name now",
        (
            Edit(
                "consumer/provider_choice.py",
                "        if name is None or name not in offer.able:\n",
                '        bare = (name or "").partition("@")[0]\n'
                '        name = next((each for each in offer.able if each.partition("@")[0] == bare), None)\n'
                "        if name is None:\n",
            ),
        ),
        test=OWN_TAKEOVER,
    ),
    Mutant(
        "take-over-not-pinned",
        "a provider that changes after a take-over lets another one send the window",
        (Edit("consumer/deliver/takeover_decisions.py", "        window.pin()  #", "        #"),),
        test=OWN_TAKEOVER,
    ),
    Mutant(
        "unknown-own-providers",
        "a tenant whose providers cannot be known is served by those of the installation",
        (
            Edit(
                "consumer/provider_choice.py",
                "    if own == ():\n        return _offer_of_installation",
                "    if not own:\n        return _offer_of_installation",
            ),
        ),
        test=OWN,
    ),
    Mutant(
        "own-provider-secret-shown",
        "the configuration of a tenant's provider is shown with its secrets",
        (
            Edit(
                "providers/tenant_entries.py", "if field in _fields_of(model, SecretStr):", "if not model.model_fields:"
            ),
        ),
        test="tests/unit/providers/test_tenant_entries.py",
    ),
    Mutant(
        "same-reference",
        "another configuration of a tenant's provider has the reference of the one before",
        (Edit("producer/tenant_providers/changes.py", "version=stored.version + 1", "version=stored.version"),),
        test="tests/flow/producer/test_tenant_providers.py",
    ),
    Mutant(
        "connections-without-others",
        "the connections of the other providers of a tenant are not counted",
        (
            Edit(
                "producer/tenant_providers/changes.py",
                "total = wanted + sum(_connections(each, self._open(each)) for each in others)",
                "total = wanted",
            ),
        ),
        test="tests/flow/producer/test_refused_tenant_providers.py",
    ),
    Mutant(
        "suppression-forgets-doubt",
        "a delivery that may have been sent ends suppressed",
        (
            Edit(
                "core/delivery_outcome.py",
                "if entry.possibly_sent or rules.sticky:\n        return Outcome(Status.UNKNOWN, Reason.NO_ANSWER, f",
                "if False:\n        return Outcome(Status.UNKNOWN, Reason.NO_ANSWER, f",
            ),
        ),
        test=SUPPRESSIONS,
    ),
    Mutant(
        "suppressed-log-first",
        "a suppressed delivery gets its log before the chunk has it, although another owner may be sending",
        (
            Edit(
                "core/delivery_outcome.py",
                "frozenset({Status.FAILED, Status.SUPPRESSED, ",
                "frozenset({Status.FAILED, ",
            ),
        ),
        test=SUPPRESSIONS,
    ),
    Mutant(
        "new-key-at-once",
        "the first addition of a tenant is acknowledged before all consumers look for it",
        (Edit("ledger/suppressing.py", "        await sleep(seconds)\n", "        pass\n"),),
        test=SUPPRESSIONS,
    ),
    Mutant(
        "receipt-committed-before-its-event",
        "the offset of a receipt is due before its event is acknowledged",
        (
            Edit(
                RECEIPTS,
                "            if not each.has_event:\n                self._finish(",
                "            if True:\n                self._finish(",
            ),
            Edit(
                RECEIPTS,
                "        for result, each in zip(settled, taken, strict=True):",
                "        for result, each in ():",
            ),
        ),
        test=f"{SETTLED}/test_receipt_crashes.py",
    ),
    Mutant(
        "receipt-read-again-is-another",
        "a receipt that is read again after a crash does not find that it moved the log",
        (
            Edit(
                "consumer/settle/settler.py",
                "ReceiptResult.MOVED if log.settled_by == pending.id else",
                "ReceiptResult.MOVED if moved is not None else",
            ),
        ),
        row=28,
        test=f"{SETTLED}/test_receipt_crashes.py",
    ),
    Mutant(
        "status-moved-backward",
        "a receipt moves a log that is delivered",
        (
            Edit(
                "consumer/settle/settler.py",
                "    Status.UNKNOWN: {\n",
                "    Status.DELIVERED: {ReceiptStatus.SENT: Status.SENT, ReceiptStatus.FAILED: Status.FAILED},\n"
                "    Status.UNKNOWN: {\n",
            ),
        ),
        row=26,
        test=f"{SETTLED}/test_receipts.py",
    ),
    Mutant(
        "event-of-a-receipt-that-moved-nothing",
        "each receipt of an ended delivery publishes an event",
        (
            Edit(
                "consumer/settle/settler.py",
                "return self.result is ReceiptResult.MOVED and self.log",
                "return self.log",
            ),
        ),
        test=f"{SETTLED}/test_receipts.py",
    ),
    Mutant(
        "kept-receipt-deleted-before-its-event",
        "a kept receipt is deleted before its event is acknowledged",
        (
            Edit(
                "consumer/sweep/kept_receipts.py",
                "        await self._events.publish_all(each.log for each in settled if each.has_event and each.log)\n",
                "",
            ),
            Edit(
                "consumer/sweep/kept_receipts.py",
                "        await receipts.delete([each.pending.id for each in done])\n",
                "        await receipts.delete([each.pending.id for each in done])\n"
                "        await self._events.publish_all(each.log for each in settled if each.has_event and each.log)\n",
            ),
        ),
        test=f"{SETTLED}/test_receipt_crashes.py",
    ),
    Mutant(
        "early-receipt-forgotten",
        "a receipt that comes before the log of its delivery is dropped",
        (
            Edit(
                "consumer/settle/keep_receipts.py",
                "        if not receipts:\n            return\n",
                "        if receipts:\n            return\n",
            ),
        ),
        row=26,
    ),
    Mutant(
        "sent-has-an-event",
        "a receipt that moves a log from unknown to sent publishes an event",
        (
            Edit(
                "consumer/settle/settler.py",
                "_WITH_EVENT = frozenset({Status.DELIVERED",
                "_WITH_EVENT = frozenset({Status.SENT, Status.DELIVERED",
            ),
        ),
        test=f"{SETTLED}/test_receipts.py",
    ),
    Mutant(
        "foreign-receipt-believed",
        "a receipt of one provider moves a delivery of another",
        (
            Edit(
                "consumer/settle/match_receipts.py",
                "return own is None and log.provider == receipt.provider",
                "return own is None",
            ),
        ),
        test=f"{SETTLED}/test_receipts.py",
    ),
    Mutant(
        "receipt-of-another-recipient",
        "the only log of a message id gets the receipt of another recipient",
        (
            Edit(
                "consumer/settle/match_receipts.py",
                "log.recipient_hash in pending.recipient_hashes",
                "log.recipient_hash in pending.recipient_hashes or len(by_message_id.get(message_id, ())) == 1",
            ),
        ),
        test=f"{SETTLED}/test_unmatched_receipts.py",
    ),
    Mutant(
        "counts-without-receipts",
        "the counts of a request are those of its outcomes, whatever receipts say",
        (
            Edit(
                "ledger/request_counts.py",
                "current = counts_after_receipts(outcomes, await ledger.logs.count_moves(key))",
                "current = counts_after_receipts(outcomes, {})",
            ),
        ),
        test=f"{SETTLED}/test_receipts.py",
    ),
    Mutant(
        "suppressions-only-at-the-expansion",
        "an opt-out after the expansion stops nothing",
        (
            Edit(
                "consumer/tenants/suppressed_recipients.py",
                "    for each in deliveries:\n        if reason := reasons.get(each.index):",
                "    for each in deliveries:\n        if reason := {}.get(each.index):",
            ),
        ),
        row=27,
        test=SUPPRESSIONS,
    ),
)
