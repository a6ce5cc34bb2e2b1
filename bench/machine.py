"""What the operating system says: processes, the CPU they used, the load of the machine."""

import os
import resource
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Give the CPU seconds of one process, all threads that live; 0 when it is gone."""
    try:
        return sum(
            int((task / "schedstat").read_text().split()[0]) / 1e9
            for task in (PROC / str(pid) / "task").iterdir()
        )
    except (OSError, IndexError, ValueError):
        return _coarse_cpu_s(pid)


def tree_cpu_s(pid: int) -> float:
    """Give the CPU seconds of a process and all below it that live."""
    return sum(cpu_s(each) for each in tree(pid))


def own_cpu_s() -> float:
    """Give the CPU seconds of this program itself."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def tree(pid: int) -> list[int]:
    """List a process and all below it."""
    found = [pid]
    for parent in found:
        found += children(parent)
    return found


def children(pid: int) -> list[int]:
    """List the processes that a process has started and that live."""
    try:
        tasks = list((PROC / str(pid) / "task").iterdir())
        return [int(each) for task in tasks for each in (task / "children").read_text().split()]
    except OSError:
        return []


def title(pid: int) -> str:
    """Give what a process calls itself; nothing when it is gone."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def parent(pid: int) -> int:
    """Give the process that has started another."""
    return int(_stat(pid)[1])


def memory_mb(pids: Iterable[int]) -> float:
    """Give the resident memory of processes in MiB; what they share counts for each."""
    pages = 0
    for pid in pids:
        try:
            pages += int((PROC / str(pid) / "statm").read_text().split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def load() -> float:
    """Give the load average of the last minute."""
    return os.getloadavg()[0]


def _coarse_cpu_s(pid: int) -> float:
    try:
        fields = _stat(pid)
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def _stat(pid: int) -> list[str]:
    """Split what follows the name, which may hold spaces, in a process's line of figures."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
