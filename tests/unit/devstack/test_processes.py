"""Children die with their parent, however it dies, and are otherwise what was started."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devstack import StackError
from devstack.processes import Child, free_port, wait_until_ready
from devstack.scratch import scratch_folder
from tests.support.polling import wait_until_sync

SLEEP = "import time; time.sleep(60)"
PARENT = f"""
import sys, threading, time
from pathlib import Path
from devstack.processes import Child

def start():
    for number in range(2):
        child = Child([sys.executable, "-c", {SLEEP!r}], log=Path(sys.argv[1]) / str(number))
        children.append(child)
        print(child.pid, flush=True)

children = []
# A thread that ends does not take its children along.
thread = threading.Thread(target=start)
thread.start()
thread.join()
print("started", flush=True)
time.sleep(60)
"""


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_children_are_gone_once_their_parent_was_killed(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, tmp_path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        pids = [int(parent.stdout.readline()) for _ in range(2)]
        assert parent.stdout.readline() == "started\n"
        assert all(is_alive(pid) for pid in pids)
        parent.send_signal(number)
        parent.wait()
    wait_until_sync(lambda: not any(is_alive(pid) for pid in pids), seconds=10)


def test_a_child_has_the_commands_own_pid_output_and_exit_code(tmp_path: Path) -> None:
    child = Child([sys.executable, "-c", "import os; print(os.getpid()); exit(7)"], log=tmp_path / "log")
    assert child.wait(30) == 7
    assert (tmp_path / "log").read_text() == f"{child.pid}\n"
    assert child.kill() == 7


def test_a_child_that_ignores_a_polite_end_is_killed(tmp_path: Path) -> None:
    stubborn = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {SLEEP}"
    child = Child([sys.executable, "-c", stubborn], log=tmp_path / "log")
    wait_until_ready(child, lambda: "deaf" in child.last_words(), what="it", deadline_seconds=30)
    assert child.stop(grace_seconds=0.2) == -signal.SIGKILL


def test_the_last_words_of_a_child_that_ended_are_told(tmp_path: Path) -> None:
    child = Child([sys.executable, "-c", "exit('the disk is full')"], log=tmp_path / "log")
    with pytest.raises(StackError, match="it ended with exit code 1: the disk is full"):
        wait_until_ready(child, lambda: False, what="it", deadline_seconds=30)
    child.kill()


def test_a_command_that_does_not_exist_is_said(tmp_path: Path) -> None:
    child = Child(["no-such-command"], log=tmp_path / "log")
    assert child.wait(30) == 127
    assert child.last_words() == "no-such-command: No such file or directory"
    child.kill()


def test_a_free_port_is_below_those_that_outgoing_connections_use() -> None:
    assert 15_000 <= free_port() < 32_000


def test_a_folder_whose_owner_was_killed_is_deleted_by_the_next_one(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    holds = "from devstack.scratch import scratch_folder as s\nwith s() as f: print(f, flush=True); "
    with subprocess.Popen(
        [sys.executable, "-c", holds + SLEEP], env=environment, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        folder = Path(owner.stdout.readline().strip())
        beside = [sys.executable, "-c", holds + "pass"]
        subprocess.run(beside, env=environment, check=True, stdout=subprocess.DEVNULL)
        assert folder.exists(), "its owner lives"
        owner.kill()
    subprocess.run(beside, env=environment, check=True, stdout=subprocess.DEVNULL)
    assert not folder.exists()


def test_a_folder_is_deleted_at_the_end() -> None:
    with scratch_folder() as folder:
        (folder / "data").write_text("something")
    assert not folder.exists()
