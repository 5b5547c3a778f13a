"""Run a command that dies with whoever started it, also when that one was killed with -9.

``python -I -S guard.py COMMAND…``, with a pipe as standard input whose other end only the starter holds. A watcher is
split off, then the command takes this process's place, so that the starter has its true pid and exit code. The watcher
waits for the end of the pipe: it comes when the starter closes it or is gone, however it went. (Linux's
PR_SET_PDEATHSIG would fire already when the *thread* that started the command ends.)
"""

import os
import signal
import sys


def main(command: list[str]) -> None:
    """Split off the watcher and become the command; exit code 127 says that there is no such command."""
    pid = os.getpid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    if os.fork() == 0:
        # The command's log must end with the command, so the watcher lets go of it.
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        watch(pid)
        os._exit(0)
    os.dup2(nowhere, 0)
    try:
        os.execvp(command[0], command)  # noqa: S606 - there is nothing to quote for a shell
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.exit(127)


def watch(pid: int) -> None:
    """Wait until nobody holds the pipe's other end, then kill the command if it is still there."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while os.read(0, 1):
        pass
    # Once the command is gone its watcher has another parent, and the pid may be somebody else's.
    if os.getppid() == pid:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
