"""A PostgreSQL server of the test's own, which may be stopped, started and run out of disk."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from console import two_free_ports

OWNER = "postgres"


def programs() -> Path:
    """The newest installed ones; skips, saying so, without any."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        pytest.skip("no PostgreSQL server is installed here to stop and start")
    return (found[-1] if found else Path(on_path or "")).resolve().parent


@dataclass
class Cluster:
    """`folder` is its own disk where `megabytes` were given."""

    programs: Path
    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://{OWNER}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Returns when it takes connections, after whatever it has to recover."""
        self._control("start", "-w", "-t", "120", "-l", str(self.folder / "log"))

    def stop(self) -> None:
        """At once, without writing anything back: as a crash of it would end it."""
        self._control("stop", "-m", "immediate", "-w")

    @property
    def runs(self) -> bool:
        return (self.folder / "data" / "postmaster.pid").exists()

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        """As an unprivileged user: the server refuses to run as root."""
        as_owner = ["runuser", "-u", OWNER, "--"] if os.geteuid() == 0 else []
        command = [*as_owner, str(self.programs / program), *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, f"{program}: {done.stderr or done.stdout}"

    def made(self) -> "Cluster":
        if os.geteuid() == 0:
            shutil.chown(self.folder, OWNER)
        options = ["--auth=trust", f"--username={OWNER}", "--encoding=UTF8", "--locale=C", "--wal-segsize=1"]
        self._run("initdb", "-D", str(self.folder / "data"), *options)
        settings = {
            "listen_addresses": "'127.0.0.1'",
            "port": str(self.port),
            "unix_socket_directories": f"'{self.folder}'",
            "max_connections": "100",
            "shared_buffers": "'32MB'",
            "min_wal_size": "'4MB'",
            "max_wal_size": "'16MB'",
        }
        with (self.folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())
        return self


@contextmanager
def cluster(*, megabytes: int | None = None) -> Iterator[Cluster]:
    """It runs. With `megabytes` on a disk that has no more. Skips, saying so, where that cannot be had."""
    if os.geteuid() == 0 and not _is_known(OWNER):
        pytest.skip(f"there is no user {OWNER} here to run a PostgreSQL server as")
    found = programs()
    # Not below the test's folder, into which the server's user may not look.
    folder = Path(tempfile.mkdtemp(prefix="crossdock-cluster-"))
    try:
        with _disk(folder, megabytes):
            made = Cluster(found, folder, two_free_ports()).made()
            made.start()
            try:
                yield made
            finally:
                with suppress(AssertionError):
                    made.stop()
    finally:
        shutil.rmtree(folder)


@contextmanager
def _disk(folder: Path, megabytes: int | None) -> Iterator[None]:
    if megabytes is None:
        yield
        return
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(["mount", *options], capture_output=True, check=False).returncode != 0:
        pytest.skip("a disk of a certain size cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _is_known(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
