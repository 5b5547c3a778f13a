"""Bounces in a Maildir (https://cr.yp.to/proto/maildir.html).

A mail moves from `new` to `cur` once Kafka has acknowledged its receipt. A crash before that leaves it in `new`. Its
receipt is then published again.
"""

import asyncio
import errno
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from cli.bounces.mail_reader import BounceMailReader, IncomingMail
from cli.errors import CommandError, UsageError
from providers.bounces.mail_parts import MAX_MAIL_BYTES
from schemas.receipts import Receipt

BATCH = 50
"""Number of mails that are read at a time. They take 50 MiB at most."""
_SEEN = "2,S"
_NOT_SEEN = "2,"


class _File(NamedTuple):
    name: str
    mail: IncomingMail


class Maildir:
    """Maildir with bounces."""

    def __init__(self, path: Path, *, leaves_others: bool) -> None:
        """`leaves_others` leaves mails without a receipt in `new`, for another reader of the Maildir."""
        self.path, self._new, self._cur = path, path / "new", path / "cur"
        self._leaves_others = leaves_others
        self._left: frozenset[str] = frozenset()
        """Names of the mails that were left in the last pass."""
        if not self._new.is_dir() or not self._cur.is_dir():
            raise UsageError("--maildir: the folder is not a Maildir. It must have the folders new and cur.")

    async def read(self, reader: BounceMailReader, stopped: asyncio.Event) -> None:
        """Publish the receipts of all mails in `new`, and move the mails. Raises CommandError, or as `publish` does."""
        left = []
        files = self._files()
        while not stopped.is_set() and (batch := list(islice(files, BATCH))):
            found = await reader.publish([file.mail for file in batch])
            for file, one in zip(batch, found, strict=True):
                if isinstance(one, Receipt) or not self._leaves_others:
                    self._move(file.name, _SEEN if isinstance(one, Receipt) else _NOT_SEEN)
                else:
                    left.append(file.name)
        self._left = frozenset(left) | (self._left & self._names())

    def _names(self) -> frozenset[str]:
        return frozenset(self._list()) if self._left else frozenset()

    def _list(self) -> Iterator[str]:
        """Yield the names of the mails in `new`."""
        try:
            with os.scandir(self._new) as entries:
                for entry in entries:
                    if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                        yield entry.name
        except OSError as error:
            raise _failure("read the folder new", error) from None

    def _files(self) -> Iterator[_File]:
        """Yield the mails in `new` that were not left there. Another reader may take one at any time."""
        for name in self._list():
            if name in self._left:
                continue
            try:
                with (self._new / name).open("rb") as file:
                    seconds = min(max(os.fstat(file.fileno()).st_mtime, 0.0), datetime.now(UTC).timestamp())
                    content = file.read(MAX_MAIL_BYTES)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise _failure("read a mail", error) from None
            yield _File(name, IncomingMail(content, None, datetime.fromtimestamp(seconds, UTC)))

    def _move(self, name: str, information: str) -> None:
        unique = name.partition(":")[0]
        try:
            (self._new / name).rename(self._cur / f"{unique}:{information}")
        except FileNotFoundError:
            return
        except OSError as error:
            raise _failure("move a mail to the folder cur", error) from None


def _failure(what: str, error: OSError) -> CommandError:
    advice = " Run as the user that owns the Maildir." if error.errno in {errno.EACCES, errno.EPERM} else ""
    return CommandError(f"--maildir: cannot {what} ({os.strerror(error.errno or 0)}).{advice}")
