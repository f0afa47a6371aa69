"""Libraries of the tests' own, put between a process and the system by LD_PRELOAD."""

import shutil
import subprocess
from pathlib import Path

import pytest


def library(source: Path, folder: Path) -> Path:
    """Compiled into `folder`; skips, saying so, without a compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip(f"there is no C compiler here to build {source.name} with")
    made = folder / f"{source.stem}.so"
    command = [compiler, "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", made, source, "-ldl", "-lpthread"]
    subprocess.run(command, check=True)
    return made
