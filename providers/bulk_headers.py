"""Headers of bulk e-mail that the entry of a provider sets."""

from collections.abc import Sequence

from core.render import MissingVariable, RenderError
from core.send_result import Failed, Message
from providers.draft import UnsendableError
from providers.list_unsubscribe import ListUnsubscribe, headers_with_link
from providers.mail_headers import HeaderTooLongError
from schemas.statuses import Reason


class BulkHeaders:
    """List-Unsubscribe, which each e-mail has for itself, and headers that are the same in all of them."""

    def __init__(self, *fixed: str, unsubscribing: ListUnsubscribe | None = None) -> None:
        self.fixed = fixed
        """Headers that are the same in all e-mails, as folded lines."""
        self._unsubscribing = unsubscribing

    def own_lines(self, message: Message) -> Sequence[str]:
        """Return the headers of one e-mail as folded lines.

        For a marketing e-mail without a variable of List-Unsubscribe this raises core.render.RenderError or
        HeaderTooLongError. Its own link goes before the URIs of the entry, of which it keeps those of mail.
        """
        if link := message.unsubscribe_url:
            return headers_with_link(link, self._unsubscribing.mail_uris(message) if self._unsubscribing else ())
        return self._unsubscribing.headers(message) if self._unsubscribing else ()

    def fields(self, message: Message) -> dict[str, str]:
        """Return the headers by name, for an API that folds them itself. Raises UnsendableError."""
        try:
            lines = [*self.fixed, *self.own_lines(message)]
        except MissingVariable as error:
            raise UnsendableError(Failed(Reason.MISSING_VARIABLE, f"list_unsubscribe: {error}")) from None
        except (RenderError, HeaderTooLongError):
            raise UnsendableError(Failed(Reason.INVALID_CONTENT, "not usable in a mail's headers")) from None
        return {name: value.replace("\r\n", "") for name, _, value in (line.partition(": ") for line in lines)}
