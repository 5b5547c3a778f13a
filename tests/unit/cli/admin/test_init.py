"""`rollcall init`: settings that a shell and Docker Compose read in the same way."""

import json
import os
import pty
import shlex
import stat
import subprocess
from pathlib import Path

import pytest
from typer.testing import Result

from cli.settings import TokenSettings
from config.settings import load
from consumer.settings import ConsumerSettings
from producer.settings import ProducerSettings
from tests.support.cli_runner import ROLLCALL, run_rollcall

ADDRESSES = {"ROLLCALL_KAFKA_BOOTSTRAP": "127.0.0.1:9092", "ROLLCALL_MONGO_URL": "mongodb://127.0.0.1/"}


def init(folder: Path, name: str = ".env", *more: str) -> Result:
    return run_rollcall("init", "--file", str(folder / name), *more)


def as_a_shell_reads(file: Path) -> dict[str, str]:
    """Return the environment that a shell has after `set -a; . FILE`."""
    script = f"set -aeu; . {shlex.quote(str(file))}; env -0"
    output = subprocess.run(["sh", "-c", script], env={"PATH": os.environ["PATH"]}, capture_output=True, check=True)
    assert output.stderr == b""
    pairs = (entry.split("=", 1) for entry in output.stdout.decode().split("\0") if entry)
    return {name: value for name, value in pairs if name.startswith("ROLLCALL_")}


def as_compose_reads(file: Path) -> dict[str, str]:
    """Return the settings by Docker Compose's rules: comments, bare values, and literal values in single quotes."""
    found = {}
    for line in file.read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            quoted = value.startswith("'") and value.endswith("'")
            value = value[1:-1] if quoted else value
            assert not set(value) & {"'", "\\"}
            assert quoted or not set(value) & set(' "#$`')
            found[name] = value
    return found


def test_a_shell_and_compose_read_the_same_settings_from_it(tmp_path: Path) -> None:
    assert init(tmp_path).exit_code == 0
    settings = as_a_shell_reads(tmp_path / ".env")
    assert settings == as_compose_reads(tmp_path / ".env")
    assert [entry["channel"] for entry in json.loads(settings["ROLLCALL_PROVIDERS"])] == ["sms", "email"]


def test_the_services_start_with_it_and_two_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    init(tmp_path)
    for name, value in (as_a_shell_reads(tmp_path / ".env") | ADDRESSES).items():
        monkeypatch.setenv(name, value)
    for settings in (ConsumerSettings, ProducerSettings, TokenSettings):
        load(settings)


def test_the_metrics_get_an_address_of_their_own(tmp_path: Path) -> None:
    init(tmp_path)
    assert as_a_shell_reads(tmp_path / ".env")["ROLLCALL_METRICS_PORT"] == "9464"


def test_no_country_is_set_unless_it_is_given(tmp_path: Path) -> None:
    output = init(tmp_path).stdout
    assert "ROLLCALL_DEFAULT_REGION" not in as_a_shell_reads(tmp_path / ".env")
    assert "Phone numbers without + are not valid, until ROLLCALL_DEFAULT_REGION in the file" in output


def test_the_given_country_is_the_default_region(tmp_path: Path) -> None:
    output = init(tmp_path, ".env", "--region", "de").stdout
    assert as_a_shell_reads(tmp_path / ".env")["ROLLCALL_DEFAULT_REGION"] == "DE"
    assert "Phone numbers without + are read as numbers of DE." in output


def test_an_unknown_country_is_refused_and_no_file_is_written(tmp_path: Path) -> None:
    refused = init(tmp_path, ".env", "--region", "UK")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("--region: must be the ISO 3166-1 code of a country")
    assert not (tmp_path / ".env").exists()


def test_a_terminal_is_asked_for_the_country(tmp_path: Path) -> None:
    keyboard, screen = pty.openpty()
    with os.fdopen(keyboard, "r+b", buffering=0) as terminal:
        terminal.write(b"cn\n")
        subprocess.run([ROLLCALL, "init", "--file", tmp_path / ".env"], stdin=screen, check=True, capture_output=True)
        os.close(screen)
    assert as_a_shell_reads(tmp_path / ".env")["ROLLCALL_DEFAULT_REGION"] == "CN"


def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    init(tmp_path)
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_no_two_files_share_a_secret(tmp_path: Path) -> None:
    init(tmp_path, "one")
    init(tmp_path, "two")
    one, two = (as_a_shell_reads(tmp_path / name) for name in ("one", "two"))
    for name in ("ROLLCALL_JWT_SECRET", "ROLLCALL_SEALING_KEYS"):
        assert one[name] != two[name]


def test_an_existing_file_is_not_changed(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("mine")
    refused = init(tmp_path)
    assert refused.exit_code == 2
    assert refused.stderr.startswith(f"--file: {tmp_path / '.env'} exists and is not overwritten")
    assert (tmp_path / ".env").read_text() == "mine"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / ".env").symlink_to(tmp_path / "elsewhere")
    assert init(tmp_path).exit_code == 2
    assert not (tmp_path / "elsewhere").exists()


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    refused = init(tmp_path / "none")
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert "No such file or directory" in refused.stderr


def test_init_prints_the_next_steps_and_no_secret(tmp_path: Path) -> None:
    output = init(tmp_path).stdout
    for line in ("docker compose", f"set -a; . {tmp_path / '.env'}; set +a", "rollcall setup"):
        assert line in output
    settings = as_a_shell_reads(tmp_path / ".env")
    assert settings["ROLLCALL_JWT_SECRET"] not in output
    assert settings["ROLLCALL_SEALING_KEYS"] not in output
