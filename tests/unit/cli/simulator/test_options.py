"""Options of `rollcall simulator`, and what it says if it cannot start."""

import socket
import subprocess
import sys

import pytest
from typer.main import get_command

from cli.main import app
from cli.simulator.receipts.behaviour import ReceiptBehaviour
from providers.simulated_results import SimulatedBehaviour
from tests.support.cli_runner import run_rollcall

NO_KEY = "--receipts-key: must be a private key of the curve P-256: the base64 of its PKCS #8 in DER."


def test_every_field_of_the_entry_has_an_option_with_its_default() -> None:
    options = {one.name: one.default for one in get_command(app).commands["simulator"].params}  # type: ignore[attr-defined]
    models = (SimulatedBehaviour, ReceiptBehaviour)
    fields = {name: field.default for model in models for name, field in model.model_fields.items()}
    fields["receipts_key"] = fields["receipts_key"].get_secret_value()

    assert {name: options.get(name, "no option") or None for name in fields} == {
        name: default or None for name, default in fields.items()
    }


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--failure-rate", "2"], "--failure-rate: input should be less than or equal to 1."),
        (["--latency-ms", "-1"], "--latency-ms: input should be greater than or equal to 0."),
        (["--fail-suffixes", ""], "--fail-suffixes: an empty suffix would match every address."),
        (["--drop-rate", "0.6", "--hang-rate", "0.6"], "the sum of the rates must be at most 1."),
        (["--delivered-rate", "2"], "--delivered-rate: input should be less than or equal to 1."),
        (["--receipts-url", "http://x/callback", "--receipts-format", "sendgrid"], NO_KEY),
    ],
)
def test_a_value_that_cannot_be_used_is_a_usage_error(options: list[str], error: str) -> None:
    result = run_rollcall("simulator", *options)

    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"{error}\n")


@pytest.mark.parametrize("option", ["--http-port", "--smtp-port"])
def test_a_port_in_use_is_named_with_its_option(option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ports = {"--http-port": "0", "--smtp-port": "0", option: port}
        result = run_rollcall("simulator", *(word for pair in ports.items() for word in pair))

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"{option}: port {port} is in use. Choose another one, or 0 for any free port.\n"


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_host_elsewhere_is_refused(host: str) -> None:
    result = run_rollcall("simulator", "--host", host, "--http-port", "0")

    assert (result.exit_code, result.stderr) == (1, "--host: is not an address of this machine.\n")


def loaded(names: set[str], *modules: str) -> str:
    """Return which of the names a new process has loaded after it imported the modules."""
    asked = f"import sys, {', '.join(modules)}; print(*{names!r} & set(sys.modules))"
    return subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()


def test_it_loads_no_driver_and_no_service_loads_its_mail_server() -> None:
    drivers = {"aiokafka", "motor", "pymongo", "fastapi", "faststream", "uvicorn", "rich", "aiosmtplib", "structlog"}

    assert loaded(drivers, "cli.main", "cli.simulator.run") == ""
    assert loaded({"aiosmtpd"}, "cli.main", "producer.app", "consumer.app") == ""
