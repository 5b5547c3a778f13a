"""What keeps a stack from starting, said in one line with the command that mends it."""


class StackError(Exception):
    """Something that the stack needs is missing or did not start."""

    def __init__(self, what: str, mend: str = "") -> None:
        self.what = what
        self.mend = mend
        super().__init__(f"{what} (mend: {mend})" if mend else what)
