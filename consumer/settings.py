"""What the consumer reads from the environment."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from config.settings import CommonSettings, LedgerSettings, settings_check
from consumer.failpoints.steps import FAILPOINT
from providers.settings import ProviderSettings


class ConsumerSettings(CommonSettings, LedgerSettings, ProviderSettings):
    """The consumer's environment."""

    chunk_size: Annotated[int, Field(ge=1, le=1000, description="recipients a chunk")] = 500
    window_size: Annotated[
        int,
        Field(ge=1, le=1000, description="deliveries that a crash of one slot may leave uncertain; at most a chunk"),
    ] = 100
    max_chunks_in_flight: Annotated[
        int, Field(ge=1, le=64, description="chunks of large requests at a time, of each channel")
    ] = 8
    express_chunks_in_flight: Annotated[
        int,
        Field(ge=1, le=64, description="small requests at a time, of each channel: what most of them do is wait"),
    ] = 24
    lease_seconds: Annotated[float, Field(ge=0.5, le=600, description="how long a claim holds, seconds")] = 30.0
    max_attempts: Annotated[int, Field(ge=1, le=100, description="calls to providers a delivery")] = 16
    max_age_seconds: Annotated[int, Field(ge=1, description="how long a delivery may be tried, seconds")] = 86_400
    part_timeout_seconds: Annotated[int, Field(ge=1, description="how long a missing part is waited for")] = 3600
    kafka_session_seconds: Annotated[
        float,
        Field(
            ge=6,
            le=300,
            description="how long Kafka waits for a sign of life before it gives a consumer's partitions to others, "
            "seconds; within the broker's group.min.session.timeout.ms and group.max.session.timeout.ms",
        ),
    ] = 45.0
    failpoint: Annotated[str, Field(pattern=FAILPOINT)] | None = Field(
        default=None,
        description="for tests alone: step or step:n; the process ends itself with SIGKILL right after that step, "
        "done for the n-th time",
    )
    poison_run: Annotated[
        int,
        Field(
            ge=1, le=1_000_000, description="records of an intake topic in a row that may be unusable before it is held"
        ),
    ] = 100
    poison_share: Annotated[
        float,
        Field(gt=0, le=1, description="part of the last POISON_SAMPLE records that may be unusable; 1: all of them"),
    ] = 0.5
    poison_sample: Annotated[
        int, Field(ge=10, le=100_000, description="records of an intake topic that the share is taken of")
    ] = 500
    log_retention_days: Annotated[int, Field(ge=8, le=36_500)] | None = Field(
        default=None,
        description="when a request is deleted, days after its completion, with its logs and chunks; unset: never. "
        "The intake keeps its record for 7 days, and one that is read again must find its request",
    )
    address_retention_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(
        default=None,
        description="when a request's addresses and texts are erased, days after its completion; unset: never",
    )
    consumer_http_host: str = Field(default="127.0.0.1", description="address of health, readiness and metrics")
    consumer_http_port: Annotated[int, Field(ge=1, le=65535, description="its port")] = 8081

    @settings_check("providers", "providers_file", "lease_seconds")
    def _timeouts(self) -> Iterator[str]:
        variable = "ROLLCALL_PROVIDERS" if self.providers else "ROLLCALL_PROVIDERS_FILE"
        for entry in self.entries:
            if entry.timeout_seconds > self.lease_seconds / 2:
                yield f"{variable}: timeout_seconds of {entry.name!r} is over half of ROLLCALL_LEASE_SECONDS"
