"""All benchmarks, one after the other, and one table at the end: what was found, the aim, met or missed.

PYTHONPATH=.:tests python tests/benchmarks/run.py [--short]
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Final

from usage import load
from verdicts import MARK

HERE: Final = Path(__file__).parent
SHORT: Final = {
    "bench_posts": ["--seconds", "2", "--turns", "1"],
    "bench_deliveries": ["--orders", "200"],
    "bench_intake_writer": ["--seconds", "1"],
    "bench_latency": ["--seconds", "10"],
    "bench_idle": ["--seconds", "10"],
    "bench_drain": ["--orders", "1000"],
    "bench_mixed": ["--seconds", "5", "--exported", "5000"],
    "bench_start": ["--turns", "1"],
    "bench_desk": ["--cases", "5000"],
    "bench_open_approvals": ["--tasks", "2000", "--seconds", "10"],
}
LONG: Final = {"bench_drain": ["--orders", "100000"]}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="minutes instead of hours")
    options = parser.parse_args()
    rows: list[tuple[str, ...]] = [("what", "found", "aim", "")]
    failed: list[str] = []
    for script in sorted(HERE.glob("bench_*.py")):
        more = (SHORT if options.short else LONG).get(script.stem, [])
        print(f"--- {script.stem} {' '.join(more)}".rstrip(), flush=True)
        with subprocess.Popen([sys.executable, str(script), *more], stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            for line in running.stdout:
                print(line, end="", flush=True)
                if line.startswith(MARK):
                    rows.append(tuple(line.removeprefix(MARK).strip().split("\t")))
        if running.returncode:
            failed.append(script.stem)
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    print()
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print(load())
    if failed:
        sys.exit(f"did not run to their end: {', '.join(failed)}")


if __name__ == "__main__":
    main()
