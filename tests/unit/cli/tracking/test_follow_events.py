from cli.tracking.follow_events import SilenceReporter
from cli.tracking.result_tally import ResultTally


def lines_of(*events_at: tuple[float, int], published: bool = True) -> list[str | None]:
    silence, tally = SilenceReporter(0.0), ResultTally("req-1", "tnt_test", 2)
    return [silence.next_line(events, tally, at, published=published) for at, events in events_at]


def test_a_wait_is_explained_after_ten_seconds_and_then_less_often() -> None:
    output = lines_of(*((float(at), 0) for at in range(1, 45)))
    assert [at for at, line in enumerate(output, 1) if line] == [10, 20, 40]
    assert output[9] == (
        "no results for 10 s: waiting for a consumer to process the request. Check that `rollcall consumer` is running."
    )


def test_an_event_restarts_the_interval() -> None:
    assert lines_of((9.0, 0), (9.5, 1), (11.0, 0), (19.0, 0)) == [None] * 4


def test_a_slow_kafka_is_named() -> None:
    (output,) = lines_of((12.0, 0), published=False)
    assert output == "no results for 12 s: Kafka is slow to acknowledge the request"
