"""Maximum size of the text of one message, by channel. The settings of a process choose the numbers."""

from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from core.render import RenderError, TextTooLong, fixed_text
from core.send_result import Failed
from core.sms_segments import MAX_UNITS, count_segments
from schemas.requests import MAX_EMAIL_BYTES, MAX_SMS_SEGMENTS
from schemas.statuses import Channel, Reason, SmsEncoding

MAX_PLACEHOLDERS = 1_000
"""Maximum number of placeholders in a content."""
TOO_LONG = "the text is too long with its variables"
"""Error of a delivery whose text is beyond the limit of its channel."""


class TextLimit(Protocol):
    """Limit of the texts of one channel."""

    @property
    def max_characters(self) -> int:
        """Return a number of characters that no allowed text exceeds."""

    def fits(self, text: str) -> bool:
        """Return whether a text is within the limit. A text that is part of one that fits, fits too."""

    def problem_of(self, text: str) -> str | None:
        """Return what is wrong with the size of a text, or None if it fits."""


@dataclass(frozen=True, slots=True)
class SmsLimit:
    """Limit of an SMS in segments."""

    segments: int
    max_characters: int = field(init=False)
    """Number of characters that no allowed text exceeds."""
    _sure_characters: int = field(init=False)
    """Number of characters that fit, whatever they are. A pair of code units may leave one unit of a segment free."""

    def __post_init__(self) -> None:
        """Compute once the values that are needed for each recipient."""
        single, each = MAX_UNITS[SmsEncoding.GSM_7]
        object.__setattr__(self, "max_characters", max(single, self.segments * each))
        object.__setattr__(self, "_sure_characters", self.segments * (min(MAX_UNITS[SmsEncoding.UCS_2]) // 2))

    def fits(self, text: str) -> bool:
        """Return whether a text is within the limit. The segments of most texts need not be counted."""
        length = len(text)
        if length <= self._sure_characters:
            return True
        return length <= self.max_characters and count_segments(text).segments <= self.segments

    def problem_of(self, text: str) -> str | None:
        """Return what is wrong with the size of a text, or None if it fits."""
        if self.fits(text):
            return None
        encoding, segments = count_segments(text)
        taken = f"{segments:,} SMS segments ({encoding.meaning})"
        return f"takes {taken}, and at most {self.segments} are allowed. Shorten it."


@dataclass(frozen=True, slots=True)
class EmailLimit:
    """Limit of the text or the HTML of an e-mail, in bytes of UTF-8."""

    bytes: int

    @property
    def max_characters(self) -> int:
        """Return a number of characters that no allowed text exceeds."""
        return self.bytes

    def fits(self, text: str) -> bool:
        """Return whether a text is within the limit. The bytes of most texts need not be counted."""
        length = len(text)
        return length * 4 <= self.bytes or (length <= self.bytes and _size(text) <= self.bytes)

    def problem_of(self, text: str) -> str | None:
        """Return what is wrong with the size of a text, or None if it fits."""
        if self.fits(text):
            return None
        return f"has {_size(text):,} bytes of UTF-8, and at most {self.bytes:,} are allowed. Shorten it."


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


_sms_limit = cache(SmsLimit)


@dataclass(frozen=True, slots=True)
class TextLimits:
    """Limits of all channels."""

    sms_segments: int = MAX_SMS_SEGMENTS
    email_bytes: int = MAX_EMAIL_BYTES

    def of(self, channel: Channel) -> TextLimit:
        """Return the limit of a channel."""
        return _sms_limit(self.sms_segments) if channel is Channel.SMS else EmailLimit(self.email_bytes)


def size_problem(content: str, limit: TextLimit) -> str | None:
    """Return the problem of a content that is too large for every recipient, or None.

    Placeholders count as empty, because a value may be shorter than the name. Raise core.render.TemplateError.
    """
    if content.count("{{") <= MAX_PLACEHOLDERS and limit.fits(content):
        return None
    text, placeholders = fixed_text(content)
    if placeholders > MAX_PLACEHOLDERS:
        return f"has {placeholders:,} placeholders, and at most {MAX_PLACEHOLDERS:,} are allowed"
    return limit.problem_of(text)


def failed_text(error: RenderError) -> Failed:
    """Return the result of a delivery whose text cannot be made. No provider is called."""
    return Failed(Reason.INVALID_CONTENT, TOO_LONG if isinstance(error, TextTooLong) else None, offered=False)
