"""Setting of the URL at which the world reaches the producer."""

from urllib.parse import urlsplit

from pydantic import Field, field_validator

from config.settings import Settings

MAX_PUBLIC_URL = 200
"""Maximum length of the public URL, in characters. A link with a path has to fit into a line of an e-mail."""


class PublicUrlSettings(Settings):
    """Public base URL of the producer, as the consumers and the producer itself need it."""

    public_url: str | None = Field(
        default=None,
        description="public base URL of the producer, such as https://rollcall.example.org. Unsubscribe links begin "
        "with it, and signatures of vendors contain it. Set the same value everywhere. Unset: messages have no such "
        "links, and the URL of each callback as it arrives counts.",
    )

    @field_validator("public_url")
    @classmethod
    def _base(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if len(value) > MAX_PUBLIC_URL:
            raise ValueError(f"must have at most {MAX_PUBLIC_URL} characters")
        try:
            parts = urlsplit(value)
            is_valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_valid = False
        if not is_valid or parts.username is not None or any(each in value for each in "?#"):
            raise ValueError("must be a URL of http or https without user, query and fragment")
        # These would need an encoding in a header, in a text, or in HTML.
        if not value.isascii() or not value.isprintable() or any(each in value for each in " \"'<>\\^`{|},"):
            raise ValueError("must be in ASCII, without blanks, quotes, braces and commas")
        return value.rstrip("/")
