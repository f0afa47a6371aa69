"""How much room is left for files."""

import shutil
from pathlib import Path


def free_below(path: Path) -> int:
    """Bytes that are free for us where the path is, or would be."""
    path = path.resolve()
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    return shutil.disk_usage(there).free
