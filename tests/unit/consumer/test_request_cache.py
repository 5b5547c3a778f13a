"""The cache of opened requests is bounded by their size."""

from consumer.request_cache import OpenedRequest, RequestCache
from core.render import compile_text
from ledger.message_template import MessageTemplate
from providers.mail_body import encode_body
from schemas.statuses import Channel
from tests.support.builders import a_head, a_key

KIB = 1024


def opened(name: str, content: str = "Hello", sealed: bytes = b"") -> OpenedRequest:
    template = MessageTemplate(compile_text(content), None, html=False, variables={})
    return OpenedRequest(a_head(name, sealed_text=sealed), template)


def test_the_least_recently_used_requests_leave_the_cache_when_their_size_exceeds_its_limit() -> None:
    cache = RequestCache(100 * KIB)
    for name in ("first", "second", "third"):
        cache.put(opened(name, "x" * 25 * KIB))
    assert cache.get(a_key("first"))
    cache.put(opened("fourth", "x" * 25 * KIB))
    assert cache.used <= 100 * KIB
    kept = [name for name in ("first", "second", "third", "fourth") if cache.get(a_key(name))]
    assert kept == ["first", "third", "fourth"]


def test_the_sealed_text_the_placeholders_and_the_variables_count() -> None:
    assert opened("r", sealed=b"x" * 50_000).size > 50_000
    assert opened("r", "{{name}}" * 10_000).size > 10_000 * 50
    template = MessageTemplate(compile_text("x"), None, html=False, variables={"name": "v" * 50_000})
    assert OpenedRequest(a_head(), template).size > 50_000
    assert OpenedRequest(a_head(), None).size > 0


def test_the_body_that_the_mails_of_a_request_share_counts_before_it_is_made() -> None:
    text = compile_text("中" * 10_000)
    mails = OpenedRequest(a_head(channel=Channel.EMAIL), MessageTemplate(text, None, html=True, variables={}))
    assert mails.shared == {}
    assert mails.size > len(encode_body("中" * 10_000, "中" * 10_000)) + 20_000
    assert opened("r").shared is None
    own = MessageTemplate(compile_text("{{name}}"), None, html=True, variables={})
    assert OpenedRequest(a_head(channel=Channel.EMAIL), own).shared is None


def test_a_request_that_is_larger_than_the_cache_is_kept_alone() -> None:
    cache = RequestCache(10 * KIB)
    cache.put(opened("small"))
    large = cache.put(opened("large", "x" * 50 * KIB))
    assert cache.get(a_key("large")) is large
    assert cache.get(a_key("small")) is None
    cache.put(opened("small"))
    assert cache.get(a_key("large")) is None
    assert cache.used <= 10 * KIB


def test_a_request_that_is_stored_again_counts_once() -> None:
    cache = RequestCache()
    cache.put(opened("r", "x" * 50 * KIB))
    used = cache.used
    cache.put(opened("r", "x" * 50 * KIB))
    assert cache.used == used
