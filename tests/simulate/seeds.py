"""Seeds that once found a bug, each with what it was; they are run by `make test` for ever."""

REGRESSIONS: dict[int, str] = {}
