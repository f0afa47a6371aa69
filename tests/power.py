"""A process whose power fails: what it had not synced to the disk is gone (see durability/unsynced.c)."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

SOURCE = Path(__file__).parent / "durability" / "unsynced.c"


class Machine:
    """A process on a disk of its own, `data`; after `power_fails` the disk is `kept`.

    lies  the disk says that it synced and did not."""

    def __init__(self, library: Path, data: Path, *, lies: bool = False) -> None:
        self.data = data.resolve()
        self.kept = self.data.with_name(f"{self.data.name}-kept")
        shutil.copytree(self.data, self.kept)
        self._environment = {
            "LD_PRELOAD": str(library),
            "UNSYNCED_ROOT": str(self.data),
            "UNSYNCED_KEPT": str(self.kept),
            **({"UNSYNCED_LIES": "1"} if lies else {}),
        }

    def start(
        self, command: Sequence[str | Path], environment: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env={**os.environ, **(environment or {}), **self._environment},
        )
        return self.process

    def power_fails(self) -> Path:
        """Kills the process at once and returns the disk as it is found afterwards."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        if self.process.stdout:
            self.process.stdout.close()
        return self.kept
