"""Settings of the consumer from the environment."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from config.public_url import PublicUrlSettings
from config.settings import CommonSettings, LedgerSettings, settings_check
from config.tenant_bounds import TenantBoundSettings
from consumer.failpoints.steps import FAILPOINT
from consumer.flow_control.byte_room import DEFAULT_BYTES_IN_HAND
from providers.settings import ProviderSettings


class ConsumerSettings(CommonSettings, LedgerSettings, TenantBoundSettings, ProviderSettings, PublicUrlSettings):
    """Settings of the consumer."""

    chunk_size: Annotated[int, Field(ge=1, le=1000, description="number of recipients per chunk")] = 500
    window_size: Annotated[
        int,
        Field(ge=1, le=1000, description="deliveries that a crash may leave uncertain in each slot, at most a chunk"),
    ] = 100
    max_chunks_in_flight: Annotated[
        int, Field(ge=1, le=64, description="concurrent chunks of large requests per channel")
    ] = 8
    express_chunks_in_flight: Annotated[
        int,
        Field(
            ge=1,
            le=512,
            description="concurrent small requests per channel. They mostly wait. It is also the number that a crash "
            "may leave uncertain.",
        ),
    ] = 128
    max_bytes_in_hand: Annotated[
        int,
        Field(
            ge=4 * 1024 * 1024,
            description="bytes of the chunks and messages in memory at the same time, half for each. What has no room "
            "waits. Small ones do not wait for large ones, and a tenant gets half of the room. Small requests get an "
            "eighth more.",
        ),
    ] = DEFAULT_BYTES_IN_HAND
    lease_seconds: Annotated[float, Field(ge=0.5, le=600, description="validity of a claim, in seconds")] = 30.0
    max_attempts: Annotated[
        int,
        Field(
            ge=1,
            le=100,
            description="maximum number of attempts per delivery. An attempt asks each provider of its route once.",
        ),
    ] = 16
    max_age_seconds: Annotated[
        int,
        Field(
            ge=1,
            description="time that a delivery may wait between its tries, in seconds. The next refusal after it ends "
            "the delivery. Time in which no consumer could try does not count.",
        ),
    ] = 86_400
    part_timeout_seconds: Annotated[int, Field(ge=1, description="maximum wait for a missing part, in seconds")] = 3600
    kafka_session_seconds: Annotated[
        float,
        Field(
            ge=6,
            le=300,
            description="time without a heartbeat after which Kafka gives the partitions to others, in seconds. "
            "It must be within the broker's group.min.session.timeout.ms and group.max.session.timeout.ms.",
        ),
    ] = 45.0
    failpoint: Annotated[str, Field(pattern=FAILPOINT)] | None = Field(
        default=None,
        description="for tests only: step or step:n. The process kills itself with SIGKILL right after the "
        "n-th time of this step.",
    )
    poison_run: Annotated[
        int,
        Field(
            ge=1, le=1_000_000, description="consecutive garbage records of an intake topic before its reading stops"
        ),
    ] = 100
    poison_share: Annotated[
        float,
        Field(
            gt=0, le=1, description="share of the last POISON_SAMPLE records that may be garbage. 1 means all of them."
        ),
    ] = 0.5
    poison_sample: Annotated[
        int, Field(ge=10, le=100_000, description="number of records of an intake topic that the share applies to")
    ] = 500
    log_retention_days: Annotated[int, Field(ge=8, le=36_500)] | None = Field(
        default=None,
        description="days after the completion of a request until its deletion, with logs and chunks. Unset: never. "
        "The intake keeps a record for 7 days, and a record that is read again must find its request.",
    )
    address_retention_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(
        default=None,
        description="days after the completion of a request until its addresses and texts are erased. Unset: never.",
    )
    soft_bounces: Annotated[
        int, Field(ge=1, le=100, description="soft bounces of an address that suppress it for 30 days")
    ] = 3
    soft_bounce_days: Annotated[int, Field(ge=1, le=365, description="days within which these soft bounces come")] = 7
    consumer_http_host: str = Field(default="127.0.0.1", description="address of health, readiness and metrics")
    consumer_http_port: Annotated[int, Field(ge=1, le=65535, description="port of health, readiness and metrics")] = (
        8081
    )

    @settings_check("providers", "providers_file", "lease_seconds")
    def _timeouts(self) -> Iterator[str]:
        variable = "ROLLCALL_PROVIDERS" if self.providers else "ROLLCALL_PROVIDERS_FILE"
        for entry in self.entries:
            if entry.timeout_seconds > self.lease_seconds / 2:
                yield f"{variable}: timeout_seconds of {entry.name!r} must be at most half of ROLLCALL_LEASE_SECONDS"
