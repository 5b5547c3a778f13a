"""An explicit-state model checker of the ledger's protocol (docs/protocol.md).

Breadth first, so that a trace is shortest. Every write to the ledger, call of a provider and publishing is one step;
between any two a process may crash, stop for a while (its lease lapses, it goes on later as a zombie) or be overtaken.

    python -m tests.model                  every configuration: nothing may be found
    python -m tests.model --config NAME    one of them; with --flaw NAME the protocol broken in that way
    python -m tests.model --mutations      the self-test: each broken protocol must be caught
    python -m tests.model --holes          one sentence of the protocol taken away at a time; --traces: how it fails
    python -m tests.model --all            all of this

What stands for what: wake-up calls may be lost, doubled and reordered, in Kafka or in the queues of their channels, so
that any idle process may try to claim any chunk at any time. Where it matters that a sweeper leaves a fresh chunk alone
for a minute the configuration has `wakes`, and a minute is longer than an expander takes from a chunk's insert to its
wake-up call, unless it crashes; deferred chunks are found apart from fresh ones. There is one request, whose records
have one key, so that a process expands one of them at a time. A provider that deduplicates is taken to say the same
again of a delivery that it refused for good (`--flaw refusal_forgotten`: it does not). A record that is read twice may
be counted once and refused once where there are `faults`: its `request.rejected` is then one too many. Time is
abstract: what waits until it is due may be due at once, and `expires_at` may pass at any moment. The check of the own
clock is passed at the last moment before a call, so that a zombie still makes every call of the window that it checked.

Left out: `send_at`, answers lost by a process that lives (like a crash, only later), stale reads from a secondary,
several providers of one channel, an orderly stop of a process.
"""
