"""A process that loses its readiness says so once, with the reason, and says when it is ready again."""

from structlog.testing import capture_logs

from consumer.monitoring.readiness_log import ReadinessLog

READY: dict[str, str | None] = {"kafka": None, "mongodb": None}
NO_KAFKA = READY | {"kafka": "does not answer"}
NOTHING = NO_KAFKA | {"mongodb": "does not answer"}


def lines_of(*problems: dict[str, str | None]) -> list[tuple[str, str, str | None]]:
    log = ReadinessLog()
    with capture_logs() as lines:
        for one in problems:
            log.update(one)
    return [(line["log_level"], line["event"], line.get("reason")) for line in lines]


def test_losing_readiness_is_one_warning_and_regaining_it_is_one_line() -> None:
    assert lines_of(READY, NO_KAFKA, NO_KAFKA, READY, READY) == [
        ("warning", "readiness lost", "kafka: does not answer"),
        ("info", "readiness regained", None),
    ]


def test_another_problem_is_another_warning() -> None:
    assert [reason for *_, reason in lines_of(READY, NO_KAFKA, NOTHING, NO_KAFKA)] == [
        "kafka: does not answer",
        "kafka: does not answer. mongodb: does not answer",
        "kafka: does not answer",
    ]


def test_a_process_that_starts_has_not_lost_its_readiness() -> None:
    assert lines_of(NOTHING, NO_KAFKA, READY) == []
