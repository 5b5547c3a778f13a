"""Metrics of the service. Each app has its own registry, so that several apps can run in one process."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from config.event_loop_stalls import EventLoopStalls

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The metrics of one app."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.event_loop_stalls = EventLoopStalls(self.registry)
        self.requests = Counter(
            "rollcall_http_requests", "HTTP requests answered.", ["route", "code"], registry=self.registry
        )
        self.seconds = Histogram(
            "rollcall_http_request_seconds",
            "Time to answer an HTTP request, including the arrival of its body.",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.calls_over_rate = Counter(
            "rollcall_http_calls_over_rate",
            "Calls that were refused because their token or tenant was over its rate.",
            ["limit"],
            registry=self.registry,
        )
        self.recipients = Counter(
            "rollcall_recipients_accepted",
            "Recipients of requests that Kafka has acknowledged.",
            ["channel", "lane"],
            registry=self.registry,
        )
