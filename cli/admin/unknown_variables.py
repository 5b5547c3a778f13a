"""Environment variables with our prefix that no command reads. Most of them contain a typing error.

They are logged and not refused, because several services and versions may share one `.env` file.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import structlog
from pydantic_settings import BaseSettings

from cli.settings import RecipientSettings, SealingSettings, SetupSettings, TokenSettings
from config.logging_setup import configure_logging
from config.settings import PREFIX
from consumer.settings import ConsumerSettings
from producer.settings import ProducerSettings

_READERS: tuple[type[BaseSettings], ...] = (
    ConsumerSettings,
    ProducerSettings,
    RecipientSettings,
    SealingSettings,
    SetupSettings,
    TokenSettings,
)
_OPTION_VARIABLES = frozenset({"TOKEN", "SIMULATOR_RECEIPTS_KEY", "SIMULATOR_RECEIPTS_URL"})
"""Variables that a command reads as the value of an option."""


def unknown_variables(environment: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    """Yield each variable with our prefix that no command reads, and the most similar known variable."""
    known = _OPTION_VARIABLES | {name.upper() for reader in _READERS for name in reader.model_fields}
    files_text = "".join(_file_text(environment, name) for name in ("PROVIDERS_FILE", "RECEIPTS_FILE"))
    for variable in sorted(environment):
        name = variable.removeprefix(PREFIX)
        if name not in {variable, *known} and f"${{{variable}}}" not in files_text:
            nearest = difflib.get_close_matches(name, known, 1)
            yield variable, f"{PREFIX}{nearest[0]}" if nearest else None


def warn_of_unknown() -> None:
    """Log each unknown variable of this process's environment."""
    configure_logging()
    for name, nearest in unknown_variables(os.environ):
        structlog.get_logger("rollcall").warning("unknown variable", variable=name, nearest=nearest)


def _file_text(environment: Mapping[str, str], name: str) -> str:
    """Return the text of a settings file, which may name variables of its own. Return "" if there is no file."""
    try:
        return Path(environment[f"{PREFIX}{name}"]).read_text(encoding="utf-8-sig")
    except (KeyError, OSError, ValueError):
        return ""
