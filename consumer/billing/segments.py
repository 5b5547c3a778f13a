"""Segments of the SMS of one chunk, counted when a text is rendered for a provider."""

from collections.abc import Callable, Mapping

from core.render import RenderError
from core.sms_segments import SmsSegments, count_segments
from core.text_limits import TextLimit
from ledger.message_template import MessageTemplate


class RenderedSegments:
    """Encoding and segments of each text that was rendered. A text without variables is counted once."""

    def __init__(
        self, template: MessageTemplate | None, variables_of: Callable[[int], Mapping[str, str]], limit: TextLimit
    ) -> None:
        """`variables_of` returns the variables of the recipient at a place in the chunk."""
        self._template, self._variables_of, self._limit = template, variables_of, limit
        self._is_fixed = template is not None and not template.content.names
        self._shared: SmsSegments | None = None
        self._rendered: dict[int, SmsSegments] = {}

    def record(self, at: int, text: str) -> None:
        """Record the text that was rendered for a provider, for the recipient at a place in the chunk."""
        self._rendered[at] = self._count(text)

    def recorded(self, at: int, attempts: int) -> SmsSegments | None:
        """Return the segments of a text that was rendered for a provider, here or by a previous owner.

        A previous owner used an attempt for it. Return None if the text was not rendered, or cannot be rendered here.
        """
        return self.find(at) if attempts or at in self._rendered else None

    def find(self, at: int) -> SmsSegments | None:
        """Return the segments of a text. Return None if it cannot be rendered here."""
        counted = self._rendered.get(at) or self._shared
        if counted is None and self._template:
            try:
                return self._count(self._template.render_content(self._variables_of(at), self._limit))
            except RenderError:
                return None
        return counted

    def weight(self, at: int) -> int:
        """Return the work to find the segments of a text, in characters."""
        if self._template is None or self._shared:
            return 0
        return self._template.measure.of(self._variables_of(at)).characters

    def _count(self, text: str) -> SmsSegments:
        counted = self._shared or count_segments(text)
        if self._is_fixed:
            self._shared = counted
        return counted
