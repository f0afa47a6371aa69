"""Commands on a site that they cannot use: a sentence that says what is wrong, and nothing is made or changed."""

import shutil
import socket
from pathlib import Path

import commands
import pytest

READS_OR_WRITES = [
    ("backup", "FOLDER/b.zip"),
    ("catalog", "export", "FOLDER/csv"),
    ("customer", "list"),
    ("erp", "list"),
    ("evidence", "export", "PO-1", "--out", "FOLDER/e.zip"),
    ("evidence", "retention", "list"),
    ("evidence", "verify"),
    ("partner", "list"),
    ("partner", "secret", "Atlas"),
    ("partner", "strangers"),
    ("person", "list"),
    ("replay", "--all"),
    ("seal", "rotate"),
    ("seal", "status"),
    ("work",),
    ("work", "pause", "main:1"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("site") / "data"
    assert commands.run("init", "--data", made).status == 0
    return made


def _run(command: tuple[str, ...], data: Path, folder: Path) -> commands.Said:
    return commands.run(*(part.replace("FOLDER", str(folder)) for part in command), "--data", data)


@pytest.mark.parametrize("command", READS_OR_WRITES, ids=" ".join)
def test_a_folder_without_anything_is_told_and_stays_empty(command: tuple[str, ...], tmp_path: Path) -> None:
    said = _run(command, tmp_path / "none", tmp_path)
    assert said.status == 1
    assert "no key ring" in said.err
    assert "there is no database at" in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", READS_OR_WRITES, ids=" ".join)
def test_the_key_file_of_another_site_is_told_before_anything_is_sealed_with_it(
    command: tuple[str, ...], site: Path, tmp_path: Path
) -> None:
    data = shutil.copytree(site, tmp_path / "data")
    assert commands.run("init", "--data", tmp_path / "other").status == 0
    foreign = shutil.copyfile(tmp_path / "other" / "seal.keys", data / "seal.keys").read_text()
    said = _run(command, data, tmp_path)
    assert said.status == 1
    assert "which is not in the key ring" in said.err
    assert (data / "seal.keys").read_text() == foreign


def test_a_database_that_does_not_answer_is_told(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"postgresql://nobody:c4nary@127.0.0.1:{taken.getsockname()[1]}/none"
        monkeypatch.setenv("CROSSDOCK_DATABASE_URL", url)
        for command in READS_OR_WRITES:
            said = _run(command, site, tmp_path)
            assert (said.status, said.err.startswith("the database does not answer")) == (1, True), command
            assert "c4nary" not in said.err


def test_init_makes_no_second_key_file_for_a_database_that_has_lost_its_own(site: Path, tmp_path: Path) -> None:
    data = shutil.copytree(site, tmp_path / "data")
    kept = (data / "seal.keys").rename(tmp_path / "kept")
    said = commands.run("init", "--data", data)
    assert said.status == 1
    assert "put its key file back" in said.err
    assert not (data / "seal.keys").exists()
    kept.rename(data / "seal.keys")
    assert commands.run("init", "--data", data).status == 0
    assert "key" not in commands.run("check-config", "--data", data).out


def test_init_tells_of_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = commands.run("init", "--data", tmp_path / "file")
    assert (said.status, "the data folder cannot be made" in said.err) == (1, True)


def test_a_catalog_that_cannot_be_written_is_told(site: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = commands.run("catalog", "export", tmp_path / "file" / "csv", "--data", site)
    assert said.status == 1
    assert "Not a directory" in said.err


def test_a_port_that_is_taken_is_told(site: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = commands.run("serve", "--port", str(port), "--data", site)
    assert said.status == 1
    assert f"port {port} of 127.0.0.1 cannot be used: Address already in use" in said.err
