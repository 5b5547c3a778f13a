"""Memory and processor time of a measured process."""

from pathlib import Path

from psutil import Process

from devstack.processes import Child


def peak_mib(child: Child) -> float:
    """Return the peak resident set of a process, in MiB. Return NaN if the system does not provide it."""
    try:
        lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), float("nan"))


def cpu_seconds(child: Child) -> float:
    """Return the processor time of a process, user and system."""
    times = Process(child.pid).cpu_times()
    return float(times.user + times.system)
