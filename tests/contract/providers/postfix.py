"""A real Postfix with a queue of its own, which holds every mail that it takes."""

import contextlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from devstack.processes import Child, answers, free_port, wait_until_ready
from tests.support.skipping import not_run

SEARCHED = f"{os.environ.get('PATH', '')}:/usr/sbin"
"""Folders of the programs. A user other than root often lacks the last one."""
MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = mail.example.org
mydestination =
local_recipient_maps =
alias_maps =
smtpd_client_restrictions = check_client_access static:HOLD
smtpd_recipient_restrictions = check_recipient_access regexp:{folder}/recipients, permit_mynetworks, reject
smtpd_client_event_limit_exceptions =
smtpd_error_sleep_time = 0
"""
"""Settings (https://www.postfix.org/postconf.5.html). A mail on HOLD stays in the queue, where it can be counted."""
RECIPIENTS = """
/^refused/ 550 5.1.1 nobody
/^busy/ 450 4.2.1 busy
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""
"""Services that take mails (https://www.postfix.org/master.5.html). No service delivers one."""


def find(program: str) -> str:
    """Return the path of a program of Postfix. Without it, the test is not run."""
    path = shutil.which(program, path=SEARCHED)
    if path is None:
        not_run(f"needs {program}, fix: apt-get install -y postfix")
    return path


class Postfix:
    """Mail server that can be stopped and started again. Its queue and its port stay."""

    def __init__(self, folder: Path, settings: str, services: str) -> None:
        self.port = free_port()
        self._folder = folder
        for name in ("data", "queue"):
            (folder / name).mkdir()
        shutil.chown(folder / "data", "postfix")
        (folder / "main.cf").write_text(MAIN.format(folder=folder) + settings)
        (folder / "master.cf").write_text(MASTER.format(port=self.port) + services)
        (folder / "recipients").write_text(RECIPIENTS)
        self._run("postfix", "check")
        self._master = Path(self._run("postconf", "-h", "daemon_directory").strip(), "master")
        self._child: Child | None = None

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        self._child = Child([self._master, "-c", self._folder, "-d"], log=self._folder / "output")
        wait_until_ready(self._child, lambda: answers(self.port), what="Postfix", deadline_seconds=30)

    def stop(self) -> None:
        """Stop at once. Mails that have not been taken are lost."""
        if self._child:
            self._child.stop()
        self._child = None

    def taken(self) -> Counter[str]:
        """Return how often each mail was taken, by the local part of its Message-ID.

        Postfix makes the file of a mail executable when it is complete, and answers the client after that
        (https://github.com/vdukhovni/postfix/blob/master/postfix/src/global/mail_queue.h).
        """
        files = (self._folder / "queue" / "hold").iterdir()
        held = [path.read_bytes() for path in files if path.stat().st_mode & stat.S_IXUSR]
        return Counter(name.decode() for mail in held for name in re.findall(rb"Message-ID: <([^@]+)@", mail))

    def _run(self, program: str, *arguments: str) -> str:
        command = [find(program), "-c", str(self._folder), *arguments]
        return subprocess.run(command, check=True, timeout=60, capture_output=True, text=True).stdout


@contextlib.contextmanager
def running_postfix(settings: str = "", services: str = "") -> Iterator[Postfix]:
    """Run Postfix with further settings and services, one on each line."""
    find("postfix")
    if os.geteuid() != 0:
        not_run("needs the rights of root, which Postfix starts with")
    # Not in the folder of the test, which only root may enter. The services of Postfix run as another user.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = Postfix(folder, settings, services)
        try:
            server.start()
            yield server
        finally:
            server.stop()
