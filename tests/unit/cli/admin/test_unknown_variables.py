"""Detection of misspelt environment variables."""

from pathlib import Path

import pytest

from cli.admin.unknown_variables import unknown_variables


def test_an_unknown_variable_is_named_with_the_most_similar_known_one() -> None:
    environment = {
        "ROLLCALL_KAFKA_BOOTSTRAP": "known to all",
        "ROLLCALL_JWT_ISSUER": "known to the producer",
        "ROLLCALL_LEASE_SECONDS": "known to the consumer",
        "ROLLCALL_TOKEN": "known to send",
        "ROLLCALL_SIMULATOR_RECEIPTS_KEY": "known to the simulator",
        "ROLLCALL_MAX_ATTEMPS": "5",
        "ROLLCALL_QUITE_SOMETHING_ELSE": "1",
        "PATH": "not ours",
    }
    assert dict(unknown_variables(environment)) == {
        "ROLLCALL_MAX_ATTEMPS": "ROLLCALL_MAX_ATTEMPTS",
        "ROLLCALL_QUITE_SOMETHING_ELSE": None,
    }


@pytest.mark.parametrize("variable", ["ROLLCALL_PROVIDERS_FILE", "ROLLCALL_RECEIPTS_FILE"])
def test_variables_in_a_file_of_settings_are_known(variable: str, tmp_path: Path) -> None:
    file = tmp_path / "providers.toml"
    file.write_text('bearer_token = "${ROLLCALL_GATEWAY_TOKEN}"')
    environment = {variable: str(file), "ROLLCALL_GATEWAY_TOKEN": "x"}
    assert not list(unknown_variables(environment))
