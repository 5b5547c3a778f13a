"""Error of one line of a recipients file."""


class RowError(Exception):
    """Line that cannot be used. The message has the number of the line and no value of it."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
