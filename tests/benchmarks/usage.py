"""What work has used of the machine: a piece of it in time; a process, and those that it started, as /proc says."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
TIMES = 5


def took(work: Callable[[], object]) -> float:
    """Seconds, the median of several."""
    times = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return median(times)


def cpu_seconds(pid: int) -> float:
    """User and system time so far."""
    total = 0
    for one in _family(pid):
        # The name may hold spaces and brackets; what follows its last bracket does not.
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def resident(pid: int) -> int:
    """Bytes in memory now."""
    return sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) * PAGE for one in _family(pid))


def load() -> str:
    """What else the machine does, for whoever reads the figures: load averages and processors."""
    return f"load {' '.join(f'{one:.1f}' for one in os.getloadavg())} on {os.cpu_count()} processors"


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _family(int(child))
