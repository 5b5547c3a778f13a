"""Explicit-state model checker of the protocol of the ledger (docs/protocol.md).

The search is breadth first, so that a trace is shortest. Every write to the ledger, provider call and publication is
one step. Between any two steps a process may crash, stop for a while (its lease expires, and it continues as a zombie)
or lose its chunk to another process.

    python -m tests.model                  every configuration: there must be no complaint
    python -m tests.model --config NAME    one of them. With --flaw NAME, the protocol with that flaw
    python -m tests.model --mutations      the self-test: each broken protocol must be caught
    python -m tests.model --holes          the protocol without one of its sentences. With --traces, each failure
    python -m tests.model --all            all of this

Receipts (receipts.py) and suppressions (suppressions.py) have models of their own, of one delivery each. The search is
the same.

Assumptions of the model:

- Wake-up messages may be lost, doubled and reordered, in Kafka or in the queues of their channels. Any idle process may
  therefore try to claim any chunk at any time.
- With `wakes`, the sweeper does not claim a new chunk for a minute. A minute is longer than the time from the insert of
  a chunk to its wake-up message, unless the process crashes. Deferred chunks are searched separately from new ones.
- There is one request. Its records have one key, so that a process expands one of them at a time.
- A provider that deduplicates gives the same answer again for a delivery that it refused for good. With
  `--flaw refusal_forgotten` it does not.
- With `faults`, a record that is read twice may be expanded once and refused once. There is then one `request.rejected`
  too many.
- Time is abstract. A chunk that waits until it is due may be due at once, and `expires_at` may pass at any time.
- The check of the own clock passes at the last moment before a call, so that a zombie still makes every call of the
  window that it checked.
- A breaker is open or closed at each moment, as the environment likes. So breakers need no state. Without breakers, the
  first provider that did not refuse a delivery is chosen.
- A provider that vanishes or changes is known to some claims and not yet to others, for any time.
- A message counts in the period of its permit, because a call may follow the check of its permit by any time.
- Each try of a request with a budget costs 1. A provider that deduplicates bills a delivery once.
- The calls of a window come one after the other, each with any answer. So a call with several messages needs no step of
  its own. A renewal of the lease may come between two of them, and then those that have not begun may be withdrawn.

Not in the model: `send_at`, lost answers of a running process (like a crash, only later), stale reads from a secondary,
rates of providers, deliveries of several routes in one chunk, an orderly stop of a process.
"""
