from cli.tracking.result_tally import ResultTally
from cli.tracking.wait import SilenceReporter


def words(*heard_at: tuple[float, int], published: bool = True) -> list[str | None]:
    silence, roll = SilenceReporter(0.0), ResultTally("req-1", "tnt_test", 2)
    return [silence.next_line(heard, roll, at, published=published) for at, heard in heard_at]


def test_silence_is_explained_after_ten_seconds_and_then_less_and_less_often() -> None:
    said = words(*((float(at), 0) for at in range(1, 45)))
    assert [at for at, line in enumerate(said, 1) if line] == [10, 20, 40]
    assert said[9] == (
        "no results for 10 s: waiting for a consumer to process the request. Check that `rollcall consumer` is running."
    )


def test_an_event_ends_the_silence() -> None:
    assert words((9.0, 0), (9.5, 1), (11.0, 0), (19.0, 0)) == [None] * 4


def test_a_slow_kafka_is_named() -> None:
    (said,) = words((12.0, 0), published=False)
    assert said == "no results for 12 s: Kafka is slow to acknowledge the request"
