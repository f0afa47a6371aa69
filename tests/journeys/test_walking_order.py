"""The whole path on the real command, over real sockets."""

import re
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from console import SCRIPT, Demo, demo, environment, run, two_free_ports
from databases import postgres_database

from app.sandbox.access import DemoAccess, load

ROOT = Path(__file__).resolve().parents[2]


def play(data: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    return run("play", "cxml", "--data", str(data), *arguments, timeout=120)


def test_a_buyer_goes_through_whole_purchases(running: Demo) -> None:
    done = play(running.data)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    assert b"all as they should be" in done.stdout


def test_two_people_approve_one_after_the_other(running: Demo) -> None:
    done = run("play", "approvals", "--data", str(running.data), timeout=120)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def test_the_same_on_postgresql_with_the_logins_of_before(tmp_path: Path, loaded: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(loaded / "demo.json", data)
    with postgres_database() as url, demo(data, CROSSDOCK_DATABASE_URL=url) as started:
        before = load(loaded)
        assert before is not None
        assert started.access.users == before.users
        done = play(started.data)
        assert done.returncode == 0, (done.stdout + done.stderr).decode()
        assert not list(started.data.glob("crossdock.db*"))
        assert started.stop() == 0


def test_a_journey_that_fails_says_where_and_exits_with_1(running: Demo, tmp_path: Path) -> None:
    shutil.copy(running.data / "demo.json", tmp_path)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        done = play(tmp_path, "--url", f"http://127.0.0.1:{nobody.getsockname()[1]}")
    assert done.returncode == 1
    assert b"stopped at step 1" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("play", "cxml", "--data", "/does/not/exist"), 1, "start `crossdock demo`"),
        (("play", "chess"), 2, "there is no journey chess"),
    ],
)
def test_play_says_what_it_lacks(arguments: tuple[str, ...], status: int, words: str) -> None:
    done = run(*arguments)
    assert (done.returncode, words in done.stderr.decode()) == (status, True)


def test_what_scripts_need_stands_in_a_file_for_its_owner_alone(running: Demo) -> None:
    written = running.data / "demo.json"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    access = running.access
    assert access.base_url == f"http://127.0.0.1:{running.port}"
    assert access.erp_url == f"http://127.0.0.1:{running.port + 1}"
    assert access.cxml.url == f"{access.base_url}/cxml"
    assert {role for user in access.users for role in user.roles} >= {"admin", "approver", "operator"}
    told = running.output
    assert all(user.password in told for user in access.users)


def test_a_restart_keeps_everything_and_two_demos_do_not_meet(copied: Callable[[], Path], running: Demo) -> None:
    data = copied()
    with demo(data) as first:
        before = first.access
        assert httpx.get(f"{before.erp_url}/received").json()["orders"] == []
        assert play(data).returncode == 0
        orders = httpx.get(f"{before.erp_url}/received").json()["orders"]
        assert orders
        assert first.stop() == 0
    assert "Traceback" not in first.output
    with demo(data) as second:
        after = second.access
        assert (after.users, after.cxml.secret) == (before.users, before.cxml.secret)
        assert httpx.get(f"{after.erp_url}/received").json()["orders"] == orders
        assert play(data).returncode == 0


def test_a_demo_that_lost_its_file_gets_new_secrets(copied: Callable[[], Path], loaded: Path) -> None:
    data = copied()
    (data / "demo.json").unlink()
    with demo(data) as started:
        assert started.access.cxml.secret not in (loaded / "demo.json").read_text()
        assert play(data).returncode == 0


def test_the_people_of_the_demo_are_let_in_by_the_demo_alone(copied: Callable[[], Path], running: Demo) -> None:
    data = copied()
    with demo(data) as started:
        user, access = started.access.user("admin"), started.access
        form = {"login": user.name, "password": user.password}
        assert httpx.post(f"{access.base_url}/login", data=form).status_code == 303
        started.stop()
    process = subprocess.Popen(
        [SCRIPT, "serve", "--port", str(started.port), "--data", str(data)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        client = httpx.Client(transport=httpx.HTTPTransport(retries=8))
        assert client.post(f"{access.base_url}/login", data=form).status_code == 401
        client.close()
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_a_taken_port_is_told_before_anything_is_made(tmp_path: Path, running: Demo) -> None:
    done = run("demo", "--port", str(running.port), "--data", str(tmp_path / "new"))
    assert done.returncode == 1
    assert f"port {running.port} is taken" in done.stderr.decode()
    assert not (tmp_path / "new").exists()


def test_the_demo_leaves_data_that_is_not_its_own_alone(tmp_path: Path) -> None:
    assert run("init", "--data", str(tmp_path)).returncode == 0
    done = run("demo", "--port", str(two_free_ports()), "--data", str(tmp_path))
    assert done.returncode == 1
    assert "holds other data than the demo's" in done.stderr.decode()


def test_the_tour_of_the_readme_works_as_it_stands(access: DemoAccess, running: Demo, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tour = readme[readme.index("## Five-minute tour") : readme.index("## Protocols and connectors")]
    blocks = re.findall(r"```sh\n(.*?)```", tour, re.DOTALL)
    script = "set -e\n" + "\n".join(blocks[1:])
    script = script.replace(":8001", f":{running.port + 1}").replace(":8000", f":{running.port}")
    script = script.replace(".venv/bin/crossdock", f"{sys.executable} {SCRIPT}")
    (tmp_path / "crossdock-data").symlink_to(running.data)
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, timeout=60, env=environment(), check=False
    )
    said = done.stdout.decode()
    assert done.returncode == 0, said + done.stderr.decode()
    assert re.findall(r'<Status code="(\d+)"', said) == ["200", "200", "200", "200", "201"]
    assert "<StartPage><URL>" in said
    assert '"kind":"OrderRequest"' in said
