"""What a benchmark found of what was aimed at, in lines that `run.py` collects into one table."""

from typing import Final

MARK: Final = "=>"


def verdict(what: str, found: float, *, most: float | None = None, least: float | None = None, unit: str = "") -> None:
    """One line: the figure, and whether it is at most, or at least, what it should be."""
    bound = f"at most {most:g}" if most is not None else f"at least {least:g}"
    met = (most is None or found <= most) and (least is None or found >= least)
    print(f"{MARK} {what}\t{found:.2f}{unit}\t{bound}{unit}\t{'met' if met else 'MISSED'}", flush=True)
