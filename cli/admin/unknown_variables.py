"""Variables that look like ours and that no command reads: most have a letter wrong.

They are said, and not refused: several services may share one `.env`, also with one of another version.
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
_OTHERS = frozenset({"TOKEN"})
"""Read by a command as the value of an option."""


def unknown_variables(environment: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    """Each variable under our prefix that nothing reads, and the known one that is most like it."""
    known = _OTHERS | {name.upper() for reader in _READERS for name in reader.model_fields}
    named = _providers_file(environment)
    for variable in sorted(environment):
        name = variable.removeprefix(PREFIX)
        if name not in {variable, *known} and f"${{{variable}}}" not in named:
            nearest = difflib.get_close_matches(name, known, 1)
            yield variable, f"{PREFIX}{nearest[0]}" if nearest else None


def warn_of_unknown() -> None:
    """A log line for each in this process's environment."""
    configure_logging()
    for name, nearest in unknown_variables(os.environ):
        structlog.get_logger("rollcall").warning("unknown variable", variable=name, nearest=nearest)


def _providers_file(environment: Mapping[str, str]) -> str:
    """The text of the providers' file, which may name variables of its own; empty where there is none."""
    try:
        return Path(environment[f"{PREFIX}PROVIDERS_FILE"]).read_text(encoding="utf-8")
    except (KeyError, OSError, ValueError):
        return ""
