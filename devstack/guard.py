"""Guard of a command that must die with the process that started it, even if that process was killed with -9.

``python -I -S guard.py COMMAND…``, with a pipe as standard input. Only the starter holds the other end. The guard
splits off a watcher. Then the command replaces this process, so that the starter has its true pid and exit code. The
watcher waits for the end of the pipe. It comes when the starter closes the pipe or ends in any way. (Linux's
PR_SET_PDEATHSIG would fire already when the *thread* that started the command ends.)
"""

import os
import signal
import sys


def main(command: list[str]) -> None:
    """Split off the watcher and become the command. Exit with 127 if the command does not exist."""
    pid = os.getpid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    if os.fork() == 0:
        # The command's log must end with the command, so the watcher closes it.
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        watch(pid)
        os._exit(0)
    os.dup2(nowhere, 0)
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is involved
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.exit(127)


def watch(pid: int) -> None:
    """Wait until no process holds the other end of the pipe, then kill the command if it still runs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while os.read(0, 1):
        pass
    # After the command has ended, the watcher has another parent, and the pid may belong to another process.
    if os.getppid() == pid:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
