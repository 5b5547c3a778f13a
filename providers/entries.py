"""Fields that the entries of all kinds of providers share. Each kind's own entry stands beside its provider."""

import ssl
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from schemas.statuses import Channel

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


def _loadable(path: Path) -> Path:
    try:
        ssl.create_default_context(cafile=path)
    except OSError:
        raise ValueError("the file cannot be read as PEM") from None
    return path


CaFile = Annotated[Path, AfterValidator(_loadable)]


class ProviderEntry(BaseModel):
    """Fields that the entries of all kinds have."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kind: str
    name: Name = Field(description="unique among the providers; shown in logs, events and metrics")
    channel: Channel
    priority: int = Field(default=100, description="among the providers of one channel the lower is asked first")
    rate_per_second: float | None = Field(default=None, gt=0, description="sends a second at most; unset: no limit")
    sender: str | None = Field(default=None, min_length=1, max_length=320, description="who the message comes from")
    timeout_seconds: float = Field(default=10.0, gt=0, le=300, description="how long one send may take, all in all")
