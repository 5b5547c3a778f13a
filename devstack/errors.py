"""Error that keeps a stack from starting, in one line with the command that fixes it."""


class StackError(Exception):
    """Something that the stack needs is missing or did not start."""

    def __init__(self, what: str, fix: str = "") -> None:
        self.what = what
        self.fix = fix
        super().__init__(f"{what} (fix: {fix})" if fix else what)
