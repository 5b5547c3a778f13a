"""`rollcall simulator`: a gateway and a mail server that deliver nothing, for a staging environment."""

from typing import Annotated

import typer

_SUFFIXES = list[str] | None


def simulator(  # noqa: PLR0913  # one parameter per option, which reach `read_options` by their names
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
    receipts_url: Annotated[
        str | None,
        typer.Option(
            envvar="ROLLCALL_SIMULATOR_RECEIPTS_URL",
            help="URL of the producer that receipts are posted to, with the path secret if there is one. "
            "Default: no receipts.",
        ),
    ] = None,
    receipts_format: Annotated[
        str, typer.Option(help="Format of receipts: simulator (the generic one) or the kind of a vendor.")
    ] = "simulator",
    receipts_account: Annotated[
        str,
        typer.Option(help="Account that reports: account SID (twilio), API key (vonage), domain, or ARN of a topic."),
    ] = "",
    receipts_key: Annotated[
        str,
        typer.Option(
            envvar="ROLLCALL_SIMULATOR_RECEIPTS_KEY",
            help="Key that signs receipts. For sendgrid and ses the base64 of a private key (PKCS #8 in DER).",
        ),
    ] = "",
    delivered_rate: Annotated[float, typer.Option(help="Share of taken messages that are reported as delivered.")] = (
        0.97
    ),
    undelivered_rate: Annotated[float, typer.Option(help="Share that are reported as undelivered.")] = 0.01,
    hard_bounce_rate: Annotated[float, typer.Option(help="Share that bounce, because the address does not exist.")] = (
        0.0
    ),
    soft_bounce_rate: Annotated[float, typer.Option(help="Share that bounce for now.")] = 0.0,
    complaint_rate: Annotated[float, typer.Option(help="Share that are reported as unwanted.")] = 0.0,
    opt_out_rate: Annotated[float, typer.Option(help="Share that are answered with an opt-out.")] = 0.0,
    receipt_delay_ms: Annotated[float, typer.Option(help="Time until a receipt, in milliseconds.")] = 0.0,
    receipt_jitter_ms: Annotated[float, typer.Option(help="Maximum random time on top, in milliseconds.")] = 0.0,
    sent_receipt_rate: Annotated[float, typer.Option(help="Share with a receipt `sent` before.")] = 0.0,
    late_sent_rate: Annotated[float, typer.Option(help="Share with a receipt `sent` that comes too late.")] = 0.0,
    early_receipt_rate: Annotated[
        float, typer.Option(help="Share whose receipt comes before the answer to the sender.")
    ] = 0.0,
    repeated_receipt_rate: Annotated[
        float, typer.Option(help="Share of calls that are made twice, byte for byte.")
    ] = 0.0,
    forged_receipt_rate: Annotated[
        float, typer.Option(help="Share of calls after a forged one that contradicts them.")
    ] = 0.0,
    waiting_receipts: Annotated[int, typer.Option(help="Maximum number of receipts that wait.")] = 100_000,
) -> None:
    """Run a gateway (HTTP) and a mail server (SMTP) that deliver nothing, until SIGTERM or Ctrl-C.

    Providers of the kinds `http` and `smtp` can send to it, to try rollcall without a vendor. It fails as the options
    say. A line of JSON on standard output names its addresses once it is ready. Post deliveries to /send. The start
    page and GET /taken show what came, and DELETE /taken forgets it. Addresses are masked.

    With --receipts-url it posts receipts for the messages that it took, signed as the vendor of --receipts-format does.

    Example: rollcall simulator --failure-rate 0.01 --latency-ms 50
    """
    given = locals()  # options by their names, which are those of the fields
    from cli.simulator.received import ReceivedMessages  # noqa: PLC0415
    from cli.simulator.run import SimulatorAddress, read_options, run  # noqa: PLC0415

    options = read_options(given)
    run(SimulatorAddress(host, http_port, smtp_port), options, ReceivedMessages(keep, show=show_messages))
