"""`rollcall simulator`: a gateway and a mail server that deliver nothing, for a staging environment."""

from typing import Annotated

import typer

_SUFFIXES = list[str] | None


def simulator(  # noqa: PLR0913  # one parameter per option
    *,
    host: Annotated[str, typer.Option(help="Address to listen on. Any other than loopback is open to the network.")] = (
        "127.0.0.1"
    ),
    http_port: Annotated[int, typer.Option(min=0, max=65_535, help="Port for HTTP. 0 is any free port.")] = 8_090,
    smtp_port: Annotated[int, typer.Option(min=0, max=65_535, help="Port for SMTP. 0 is any free port.")] = 8_025,
    keep: Annotated[int, typer.Option(min=1, max=10_000, help="Number of the latest messages to keep.")] = 100,
    show_messages: Annotated[
        bool, typer.Option("--show-messages", help="Show whole addresses, subjects and texts to all who can connect.")
    ] = False,
    seed: Annotated[
        int, typer.Option(help="Seed of the results. The same seed, delivery id and attempt have the same result.")
    ] = 0,
    latency_ms: Annotated[float, typer.Option(help="Time until an answer, in milliseconds.")] = 0.0,
    jitter_ms: Annotated[float, typer.Option(help="Maximum random time on top, in milliseconds.")] = 0.0,
    failure_rate: Annotated[float, typer.Option(help="Share of deliveries that is refused permanently, 0 to 1.")] = 0.0,
    retry_rate: Annotated[float, typer.Option(help="Share of attempts that is refused temporarily.")] = 0.0,
    throttle_rate: Annotated[float, typer.Option(help="Share of attempts that is asked to wait.")] = 0.0,
    hang_rate: Annotated[float, typer.Option(help="Share of attempts that is neither taken nor answered.")] = 0.0,
    drop_rate: Annotated[float, typer.Option(help="Share of attempts that is taken but not answered.")] = 0.0,
    retry_after_seconds: Annotated[
        float | None,
        typer.Option(help="Time that a throttled attempt is asked to wait over HTTP (Retry-After), in seconds."),
    ] = None,
    fail_suffixes: Annotated[
        _SUFFIXES, typer.Option(help="Ending of addresses that are refused permanently. May be repeated.")
    ] = None,
    retry_once_suffixes: Annotated[
        _SUFFIXES, typer.Option(help="Ending of addresses that are refused at the first attempt. May be repeated.")
    ] = None,
    throttle_once_suffixes: Annotated[
        _SUFFIXES,
        typer.Option(help="Ending of addresses that are asked to wait at the first attempt. May be repeated."),
    ] = None,
    hang_suffixes: Annotated[
        _SUFFIXES, typer.Option(help="Ending of addresses that are neither taken nor answered. May be repeated.")
    ] = None,
    drop_suffixes: Annotated[
        _SUFFIXES, typer.Option(help="Ending of addresses that are taken but not answered. May be repeated.")
    ] = None,
    deduplicates: Annotated[
        bool, typer.Option("--deduplicates", help="Take each delivery id once, and answer a repeat without taking it.")
    ] = False,
    remember: Annotated[int, typer.Option(help="Number of delivery ids to remember.")] = 100_000,
) -> None:
    """Run a gateway (HTTP) and a mail server (SMTP) that deliver nothing, until SIGTERM or Ctrl-C.

    Providers of the kinds `http` and `smtp` can send to it, to try rollcall without a vendor. It fails as the options
    say. A line of JSON on standard output names its addresses once it is ready. Post deliveries to /send. The start
    page and GET /taken show what came, and DELETE /taken forgets it. Addresses are masked.

    Example: rollcall simulator --failure-rate 0.01 --latency-ms 50
    """
    from cli.simulator.received import ReceivedMessages  # noqa: PLC0415
    from cli.simulator.run import SimulatorAddress, read_behaviour, run  # noqa: PLC0415

    behaviour = read_behaviour(
        deduplicates=deduplicates,
        latency_ms=latency_ms,
        jitter_ms=jitter_ms,
        failure_rate=failure_rate,
        retry_rate=retry_rate,
        throttle_rate=throttle_rate,
        hang_rate=hang_rate,
        drop_rate=drop_rate,
        retry_after_seconds=retry_after_seconds,
        seed=seed,
        fail_suffixes=fail_suffixes or (),
        retry_once_suffixes=retry_once_suffixes or (),
        throttle_once_suffixes=throttle_once_suffixes or (),
        hang_suffixes=hang_suffixes or (),
        drop_suffixes=drop_suffixes or (),
        remember=remember,
    )
    run(SimulatorAddress(host, http_port, smtp_port), behaviour, ReceivedMessages(keep, show=show_messages))
