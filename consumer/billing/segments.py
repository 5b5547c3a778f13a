"""Segments of the SMS of one chunk, counted when a text is rendered for a provider."""

from collections.abc import Sequence

from core.render import RenderError
from core.sms_segments import SmsSegments, count_segments
from core.text_limits import TextLimit
from ledger.chunk_recipients import ChunkRecipient
from ledger.message_template import MessageTemplate


class RenderedSegments:
    """Encoding and segments of each text that was rendered. A text without variables is counted once."""

    def __init__(
        self, template: MessageTemplate | None, recipients: Sequence[ChunkRecipient], limit: TextLimit
    ) -> None:
        self._template, self._recipients, self._limit = template, recipients, limit
        self._is_fixed = template is not None and not template.content.names
        self._shared: SmsSegments | None = None
        self._counted: dict[int, SmsSegments] = {}

    def count(self, at: int, text: str) -> None:
        """Count the segments of the text of the recipient at a place in the chunk."""
        counted = self._shared
        if counted is None:
            counted = count_segments(text)
            if self._is_fixed:
                self._shared = counted
        self._counted[at] = counted

    def of(self, at: int, attempts: int) -> SmsSegments | None:
        """Return the segments of a text that was rendered, here or by a previous owner that used an attempt for it.

        Return None for a text that was not rendered, or that cannot be rendered here.
        """
        counted = self._counted.get(at)
        if counted is None and attempts and self._template:
            try:
                text = self._template.render_content(self._recipients[at][1], self._limit)
            except RenderError:
                return None
            self.count(at, text)
            return self._counted[at]
        return counted

    def weight(self, at: int) -> int:
        """Return the work to count the segments of a text, in characters."""
        if self._template is None or self._shared:
            return 0
        return self._template.measure.of(self._recipients[at][1]).characters
