"""Settings, keys and database must fit together before anything is served."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from databases import Templates
from pydantic import ValidationError

from app.gateway import keys_of, migrate, problems_of
from app.seal import KeyRing, make_key_file
from app.settings import Settings
from app.storage.database import Database, normalised
from app.storage.seal_keys import register_key, unopenable

AT = datetime(2026, 3, 2, tzinfo=UTC)


def settings(folder: Path, **more: object) -> Settings:
    return Settings(data=folder, base_url="https://crossdock.example", **more)  # type: ignore[arg-type]


def test_a_fresh_installation_has_no_problems(tmp_path: Path) -> None:
    chosen = settings(tmp_path / "data")
    migrate(chosen.url_of_database)
    make_key_file(chosen.path_of_keys, "k1")
    assert problems_of(chosen) == []


def test_each_missing_part_is_told_with_the_way_to_mend_it(tmp_path: Path) -> None:
    problems = problems_of(Settings(data=tmp_path))
    assert [problem.split(":")[0] for problem in problems] == [
        "CROSSDOCK_BASE_URL is not set",
        "no key ring",
        f"there is no database at {tmp_path}/crossdock.db",
    ]
    assert "crossdock init" in problems[1]


def test_a_key_file_that_others_can_read_is_told(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    migrate(chosen.url_of_database)
    make_key_file(chosen.path_of_keys, "k1")
    chosen.path_of_keys.chmod(0o644)
    assert problems_of(chosen) == [f"{chosen.path_of_keys} can be read by others: chmod 600 it"]


def test_a_database_without_its_migrations_is_told(tmp_path: Path) -> None:
    chosen = settings(tmp_path, keys=KeyRing.made("k1").written())
    (tmp_path / "crossdock.db").touch()
    assert problems_of(chosen) == ["the database's migrations are not current: run `crossdock init`"]


def test_a_database_that_does_not_answer_is_told_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://crossdock:c4nary@127.0.0.1:1/none"
    problems = problems_of(settings(tmp_path, keys=KeyRing.made("k1").written(), database_url=url))
    assert len(problems) == 1
    assert problems[0].startswith("the database does not answer")
    assert "c4nary" not in problems[0]


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "nonsense"])
def test_a_database_that_is_not_supported_is_told(url: str, tmp_path: Path) -> None:
    problems = problems_of(settings(tmp_path, keys=KeyRing.made("k1").written(), database_url=url))
    assert [problem.split(":")[0] for problem in problems] == ["CROSSDOCK_DATABASE_URL"]


def test_a_lost_key_is_told_before_anything_is_served(database: Database, tmp_path: Path) -> None:
    ours = KeyRing.made("k1")
    database.write(lambda session: register_key(session, ours, AT))
    database.write(lambda session: register_key(session, ours, AT))
    with database.read() as session:
        assert unopenable(session, ours.rotated("k2")) == []
    url = database.url.render_as_string(hide_password=False)
    for wrong in (KeyRing.made("k2"), KeyRing.made("k1")):
        (problem,) = problems_of(settings(tmp_path, keys=wrong.written(), database_url=url))
        assert "sealed with key 'k1'" in problem


def test_keys_come_from_the_setting_or_from_the_file(tmp_path: Path) -> None:
    ring = KeyRing.made("k1")
    assert keys_of(settings(tmp_path, keys=ring.written())).keys == ring.keys
    made = make_key_file(tmp_path / "elsewhere.keys", "k2")
    assert keys_of(settings(tmp_path, key_file=tmp_path / "elsewhere.keys")).keys == made.keys


def test_settings_come_from_the_environment_and_show_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CROSSDOCK_DATABASE_URL", "postgresql://x:c4nary@db/crossdock")
    monkeypatch.setenv("CROSSDOCK_OPERATORS", "10.0.0.0/8, ::1/128")
    monkeypatch.setenv("CROSSDOCK_KEYS", "c4nary")
    chosen = Settings()
    assert chosen.url_of_database == "postgresql://x:c4nary@db/crossdock"
    assert [str(network) for network in chosen.operators] == ["10.0.0.0/8", "::1/128"]
    assert "c4nary" not in repr(chosen)
    assert "c4nary" not in str(chosen.model_dump())


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "70000"), ("OPERATORS", "10.0.0.1/8"), ("WORKER_ID", "a b"), ("LOG_LEVEL", "loud"), ("BASE_URL", "x")],
)
def test_a_setting_that_makes_no_sense_stops_the_start(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"CROSSDOCK_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_every_postgres_url_means_psycopg_3() -> None:
    assert normalised("postgresql://h/d").drivername == "postgresql+psycopg"


def test_a_migrated_copy_is_as_good_as_the_original(templates: Templates, tmp_path: Path) -> None:
    with templates.migrated_url("sqlite", tmp_path):
        assert problems_of(settings(tmp_path, keys=KeyRing.made("k1").written())) == []
