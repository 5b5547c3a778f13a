"""The command line as a user sees it, without Kafka and MongoDB."""

import os
import subprocess
import sys
from pathlib import Path

import jwt
import pytest
from typer.testing import Result

from tests.support.cli_runner import run_rollcall
from tests.support.service import SECRET

KAFKA = {"ROLLCALL_KAFKA_BOOTSTRAP": "127.0.0.1:1"}
MONGO = {"ROLLCALL_MONGO_URL": "mongodb://someone:hidden@127.0.0.1:1/"}


@pytest.fixture
def people(tmp_path: Path) -> str:
    path = tmp_path / "people.csv"
    path.write_text("to,name\n+8613800138000,Li\n")
    return str(path)


def send(file: str, *more: str, **env: str) -> Result:
    return run_rollcall("send", file, "--channel", "sms", "--content", "hi", *more, **env)


def test_help_does_not_import_a_driver() -> None:
    asked = "import sys, cli.main; print(*{'pydantic', 'aiokafka', 'motor', 'fastapi', 'aiohttp'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def ended(stdout: int, says: str) -> "subprocess.CompletedProcess[str]":
    """Run the entry point with a command that prints some text."""
    script = f"import cli.main; cli.main.app = lambda: print({says!r}); cli.main.main()"
    env = {**os.environ, "PYTHONUNBUFFERED": ""}  # as a user's shell has it
    command = [sys.executable, "-c", script]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, env=env)


def test_output_that_could_not_be_written_is_an_error() -> None:
    with Path("/dev/full").open("w") as full:
        done = ended(full.fileno(), "a report")
    assert done.returncode == 1
    assert done.stderr == "standard output: No space left on device. The output is not complete.\n"


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = ended(writer, "a report")
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unexpected_error_is_printed_and_ends_with_1() -> None:
    script = "import cli.main; cli.main.app = lambda: 1 / 0; cli.main.main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["setup"], ["ROLLCALL_KAFKA_BOOTSTRAP: is not set", "ROLLCALL_MONGO_URL: is not set"]),
        (["report", "req-1", "--tenant", "t"], ["ROLLCALL_MONGO_URL: is not set"]),
        (["token", "--tenant", "t", "--user", "u"], ["ROLLCALL_JWT_SECRET: is not set"]),
        (["providers", "check"], ["ROLLCALL_PROVIDERS"]),
        (["consumer"], ["ROLLCALL_KAFKA_BOOTSTRAP: is not set", "ROLLCALL_SEALING_KEYS: is not set"]),
        (["producer"], ["ROLLCALL_KAFKA_BOOTSTRAP: is not set"]),
    ],
)
def test_missing_settings_are_named_one_per_line(args: list[str], named: list[str]) -> None:
    result = run_rollcall(*args)
    assert result.exit_code == 2
    assert result.stdout == ""
    for line in named:
        assert any(line in printed for printed in result.stderr.splitlines())


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ([], "--tenant: is required."),
        (["--url", "http://x"], "--token: is required with --url. `rollcall token` prints one for development."),
        (
            ["--url", "http://x", "--token", "t", "--tenant", "t"],
            "--tenant: must not be given with --url, because the token names the tenant.",
        ),
        (["--tenant", "t", "--format", "xml"], "--format: must be one of csv, jsonl, json."),
        (["--tenant", "t", "--variable", "x"], "--variable: must be name=value."),
        (["--tenant", "t", "--content-file", "x"], "--content and --content-file: only one of them is allowed."),
        (["--tenant", "t"], "ROLLCALL_KAFKA_BOOTSTRAP: is not set"),
    ],
)
def test_options_that_cannot_be_used_end_in_one_line(people: str, more: list[str], expected: str) -> None:
    result = send(people, *more)
    assert (result.exit_code, result.stderr) == (2, f"{expected}\n")


def test_an_unknown_channel_is_a_usage_error(people: str) -> None:
    assert run_rollcall("send", people, "--channel", "fax", "--tenant", "t").exit_code == 2


def test_a_bad_line_ends_it_before_anything_is_published(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("to,name\n+8613800138000,Li\n+8613900139000\n")
    result = send(str(path), "--tenant", "t", **KAFKA)
    assert (result.exit_code, result.stdout) == (1, "")
    assert (
        result.stderr
        == "people.csv, line 3: number of columns must be 2 as in the header row, is 1.\nNothing was published.\n"
    )


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("to\n")
    assert send(str(path), "--tenant", "t", **KAFKA).stderr == "people.csv: recipients: at least one is required.\n"


def test_a_content_that_is_too_large_is_named(people: str, tmp_path: Path) -> None:
    content = tmp_path / "content.txt"
    content.write_text("x" * 500_000)
    args = ["send", people, "--channel", "sms", "--content-file", str(content), "--tenant", "t"]
    result = run_rollcall(*args, **KAFKA)
    assert (result.exit_code, result.stderr.partition(":")[0]) == (2, "--content")


@pytest.mark.timeout(60)
def test_an_unreachable_kafka_is_one_line_with_its_variable(people: str) -> None:
    result = send(people, "--tenant", "t", "--request-id", "req-1", **KAFKA)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == ["request req-1", "1 recipient in 1 part"]
    assert result.stderr.startswith("ROLLCALL_KAFKA_BOOTSTRAP: Kafka does not answer at 127.0.0.1:1 (")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.timeout(60)
def test_an_unreachable_mongodb_is_one_line_without_its_password() -> None:
    result = run_rollcall("report", "req-1", "--tenant", "t", **MONGO)
    assert result.exit_code == 1
    assert result.stderr.startswith("ROLLCALL_MONGO_URL: MongoDB did not answer")
    assert len(result.stderr.splitlines()) == 1
    assert "hidden" not in result.output


def test_an_invalid_address_of_mongodb_is_a_usage_error() -> None:
    result = run_rollcall("report", "req-1", "--tenant", "t", ROLLCALL_MONGO_URL="postgres://hidden@x")
    assert (result.exit_code, result.stderr) == (2, "ROLLCALL_MONGO_URL: is not a valid MongoDB connection string\n")


def test_a_token_has_the_given_claims_and_is_the_only_output() -> None:
    args = ["token", "--tenant", "tnt", "--user", "usr", "--scope", "a:b", "--scope", "c:d", "--ttl", "60"]
    result = run_rollcall(*args, ROLLCALL_JWT_SECRET=SECRET, ROLLCALL_JWT_ISSUER="me", ROLLCALL_JWT_TENANT_CLAIM="org")
    claims = jwt.decode(result.stdout.strip(), SECRET, algorithms=["HS256"], issuer="me")
    assert (claims["sub"], claims["org"], claims["scope"]) == ("usr", "tnt", "a:b c:d")
    assert claims["exp"] - claims["iat"] == 60


def test_a_scope_that_allows_nothing_is_named_and_the_token_is_printed() -> None:
    scopes = ["--scope", "communication:sned", "--scope", "communication:send"]
    result = run_rollcall("token", "--tenant", "tnt", "--user", "usr", *scopes, ROLLCALL_JWT_SECRET=SECRET)

    assert result.exit_code == 0
    assert result.stderr == (
        "--scope: communication:sned is not a scope of rollcall, and allows nothing. "
        "`rollcall token --help` lists them.\n"
    )
    assert jwt.decode(result.stdout.strip(), SECRET, algorithms=["HS256"])["sub"] == "usr"


def test_a_short_secret_is_refused() -> None:
    result = run_rollcall("token", "--tenant", "t", "--user", "u", ROLLCALL_JWT_SECRET="short")
    assert (result.exit_code, result.stderr) == (2, "ROLLCALL_JWT_SECRET: must have at least 32 bytes\n")


def test_more_replicas_in_sync_than_replicas_is_a_usage_error() -> None:
    result = run_rollcall("setup", "--replication-factor", "1", "--min-insync-replicas", "2")
    assert (result.exit_code, result.stderr) == (
        2,
        "--min-insync-replicas: must not be larger than --replication-factor.\n",
    )


def test_providers_are_checked_and_shown() -> None:
    entries = '[{"name": "sim", "kind": "simulator", "channel": "sms"}]'
    result = run_rollcall("providers", "check", ROLLCALL_PROVIDERS=entries)
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["channel", "provider", "state"],
        ["sms", "sim", "ok"],
    ]


def test_a_provider_that_cannot_be_reached_is_an_error() -> None:
    entries = '[{"name": "gate", "kind": "http", "channel": "sms", "url": "http://127.0.0.1:1/"}]'
    result = run_rollcall("providers", "check", ROLLCALL_PROVIDERS=entries)
    assert result.exit_code == 1
    assert "refused" in result.stdout
    assert (
        result.stderr
        == "1 provider cannot be used. Correct the entry in the settings, or start the service it names.\n"
    )


@pytest.mark.parametrize("command", ["producer", "consumer"])
def test_the_help_of_a_service_has_the_exit_code_of_a_missing_setup(command: str) -> None:
    output = " ".join(run_rollcall(command, "--help").stdout.split())
    assert "3 topics or indexes are missing: run `rollcall setup`" in output


def test_all_problems_of_the_providers_are_named_at_once_with_exit_code_2(tmp_path: Path) -> None:
    file = tmp_path / "providers.toml"
    file.write_text(
        """
        [[provider]]
        kind = "vonage"
        name = "first"
        sender = "Example"
        api_key = "${KEY_THAT_IS_NOT_SET}"
        api_secret = "${SECRET_THAT_IS_NOT_SET}"
        chanel = "sms"

        [[provider]]
        kind = "pigeon"
        name = "second"
        """
    )
    started = run_rollcall("consumer", **KAFKA, ROLLCALL_PROVIDERS_FILE=str(file))

    assert started.exit_code == 2
    for name in ("KEY_THAT_IS_NOT_SET", "SECRET_THAT_IS_NOT_SET"):
        assert f"${{{name}}} in the file is not set in the environment" in started.output
    assert "provider 1: chanel: is not a field of its kind" in started.output
    assert "provider 2: kind must be one of " in started.output
    assert "ROLLCALL_MONGO_URL: is not set" in started.output
