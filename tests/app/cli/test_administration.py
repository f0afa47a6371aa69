"""Commands that set things up: what they refuse, what they show, what they never show."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.catalog.demo import demo_files
from app.cli import commands

Crossdock = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def crossdock(tmp_path_factory: pytest.TempPathFactory) -> Crossdock:
    """Runs a command on one set-up that the tests of this file share."""
    data = tmp_path_factory.mktemp("administration") / "data"

    def run(*arguments: str, stdin: str = "") -> tuple[int, str]:
        environment = {"CROSSDOCK_DATA": str(data), "CROSSDOCK_BASE_URL": "https://crossdock.example", "COLUMNS": "200"}
        result = CliRunner().invoke(commands(), list(arguments), input=stdin, env=environment)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    assert run("init")[0] == 0
    assert run("customer", "add", "10010", "--name", "Atlas", "--currency", "EUR", "--price-list", "atlas") == (0, "")
    return run


PARTNER = ("--from", "DUNS/1=10010", "--to", "NetworkId/US")


def test_init_can_be_repeated_and_makes_one_administrator(crossdock: Crossdock) -> None:
    status, said = crossdock("init")
    assert (status, "administrator" in said) == (0, False)
    assert "admin" in crossdock("person", "list")[1]


def test_a_person_has_an_address_and_a_language_to_be_written_to_in(crossdock: Crossdock) -> None:
    assert crossdock("person", "set", "admin", "--email", "Admin@Shop.example", "--language", "de-AT")[0] == 0
    assert "admin@shop.example" in crossdock("person", "list")[1]
    assert crossdock("person", "set", "admin", "--email", "")[0] == 0
    assert "admin@shop.example" not in crossdock("person", "list")[1]


def test_check_config_names_what_is_wrong(crossdock: Crossdock, tmp_path: Path) -> None:
    assert crossdock("check-config") == (0, "no problem found\n")
    status, said = crossdock("check-config", "--data", str(tmp_path))
    assert status == 1
    assert "run `crossdock init`" in said


def test_key_file_and_folder_are_the_owners_alone(tmp_path: Path) -> None:
    data = tmp_path / "new"
    assert CliRunner().invoke(commands(), ["init", "--data", str(data)]).exit_code == 0
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "seal.keys").stat().st_mode) == 0o600


def test_a_connections_secret_is_shown_once_and_never_again(crossdock: Crossdock) -> None:
    status, said = crossdock("partner", "add", "One", "--sender", "NetworkId/ONE", *PARTNER)
    assert status == 0
    secret = said.removeprefix("secret: ").split(" ", 1)[0]
    assert len(secret) >= 24
    second = crossdock("partner", "secret", "One", "--overlap-days", "3")[1]
    told = crossdock("partner", "show", "One")[1] + crossdock("partner", "export")[1] + crossdock("partner", "list")[1]
    assert secret not in told
    assert second.removeprefix("secret: ").split(" ", 1)[0] not in told
    held = json.loads(crossdock("partner", "show", "One")[1])["secrets"]
    assert [one["valid_until"] is None for one in held] == [False, True]


def test_settings_of_a_connection_are_judged(crossdock: Crossdock) -> None:
    assert crossdock("partner", "add", "Two", "--sender", "NetworkId/TWO", *PARTNER)[0] == 0
    assert crossdock("partner", "set", "Two", "cxml.version", "1.2.020")[0] == 0
    assert crossdock("partner", "set", "Two", "cxml.confirmations", "true")[0] == 0
    assert json.loads(crossdock("partner", "show", "Two")[1])["settings"] == {
        "cxml": {"version": "1.2.020", "confirmations": True}
    }
    assert crossdock("partner", "set", "Two", "cxml.version")[0] == 0
    assert json.loads(crossdock("partner", "show", "Two")[1])["settings"] == {"cxml": {"confirmations": True}}


def test_a_connection_has_a_rate_of_its_own_or_everybodys(crossdock: Crossdock) -> None:
    assert crossdock("partner", "add", "Rate", "--sender", "NetworkId/RATE", *PARTNER)[0] == 0

    def rate() -> int:
        return int(json.loads(crossdock("partner", "show", "Rate")[1])["posts_per_minute"])

    everybodys = rate()
    assert crossdock("partner", "set", "Rate", "traffic.posts_per_minute", "60")[0] == 0
    assert rate() == 60
    assert crossdock("partner", "set", "Rate", "traffic.posts_per_minute", "0")[0] == 2
    assert crossdock("partner", "set", "Rate", "traffic.posts_per_minute")[0] == 0
    assert rate() == everybodys


def test_a_connection_is_switched_off_and_on(crossdock: Crossdock) -> None:
    assert crossdock("partner", "add", "Three", "--sender", "NetworkId/THREE", *PARTNER)[0] == 0
    for command, active in (("disable", False), ("enable", True)):
        assert crossdock("partner", command, "Three")[0] == 0
        assert json.loads(crossdock("partner", "show", "Three")[1])["active"] is active


def test_hosts_are_said_anew(crossdock: Crossdock) -> None:
    assert (
        crossdock("partner", "add", "Four", "--sender", "NetworkId/FOUR", "--return-host", "a.example", *PARTNER)[0]
        == 0
    )
    assert crossdock("partner", "hosts", "Four", "--return-host", "b.example")[0] == 0
    assert json.loads(crossdock("partner", "show", "Four")[1])["return_hosts"] == ["b.example"]


REFUSED = {
    "no such connection": (("partner", "show", "Nobody"), 1, "there is no connection 'Nobody'"),
    "no such customer": (
        ("partner", "add", "X", "--sender", "D/X", "--from", "D/X=9", "--to", "D/U"),
        1,
        "there is no customer '9'",
    ),
    "a name without its domain": (("partner", "add", "X", "--sender", "ONE", *PARTNER), 2, "DOMAIN/IDENTITY"),
    "an unknown setting": (("partner", "set", "One", "cxml.color", "red"), 2, "there is no such setting"),
    "a setting of another type": (("partner", "set", "One", "cxml.mac_skew_seconds", "many"), 2, "mac_skew_seconds"),
    "an unknown currency": (("customer", "add", "1", "--name", "X", "--currency", "XXQ"), 2, "no ISO 4217 currency"),
    "a customer twice": (("customer", "add", "10010", "--name", "X", "--currency", "EUR"), 1, "already"),
    "misspelt terms": (("customer", "set", "10010", "orders", '{"tolerance": 1}'), 2, "tolerance"),
    "a place of nobody": (
        ("customer", "ship-to", "9", "A", "--name", "A", "--city", "A", "--country", "DE"),
        1,
        "there is no customer 9",
    ),
    "an ERP that is not reachable by rule": (("erp", "set", "main", '{"url": "http://10.0.0.1"}'), 2, "http"),
    "an ERP without an address": (("erp", "set", "main", "{}"), 2, "url"),
    "an ERP's settings that are no JSON": (("erp", "set", "main", "url"), 2, "is no JSON"),
    "an unknown adapter": (("erp", "set", "main", "{}", "--adapter", "sap"), 2, "there is no adapter sap"),
    "a role that there is not": (("person", "add", "x", "--name", "X", "--role", "king"), 2, "king"),
    "a person twice": (("person", "add", "Admin", "--name", "X", "--role", "admin"), 1, "There is a person admin"),
    "no address": (("person", "set", "admin", "--email", "a@b@c"), 2, "no mail address"),
    "a language that mails do not speak": (("person", "set", "admin", "--language", "ja"), 2, "en, es, pt, fr, de"),
    "nobody of that name": (("person", "disable", "x"), 1, "there is no person 'x'"),
    "a key that there is not": (("key", "revoke", "aaaaaaaa"), 1, "There is no such key."),
    "a key for nobody": (
        ("key", "create", "X", "--scope", "orders:read", "--customer", "9"),
        1,
        "there is no customer '9'",
    ),
    "a scope that there is not": (("key", "create", "X", "--scope", "everything"), 2, "everything"),
    "no administrator left": (("person", "disable", "admin"), 1, "Nobody would be left to administer"),
    "roles of nobody": (("person", "roles", "x", "--role", "admin"), 1, "there is no person 'x'"),
    "no second factor to take away": (
        ("person", "reset-second-factor", "admin", "--reason", "lost"),
        1,
        "This person has no second factor.",
    ),
    "a provider over plain http": (("oidc", "set", "http://sso.example", "--client-id", "x"), 2, "https address"),
    "a provider without a secret": (("oidc", "set", "https://sso.example", "--client-id", "x"), 1, "client secret"),
    "no provider to take away": (("oidc", "remove"), 1, "no provider is set"),
    "nothing to replay": (("replay",), 2, "name orders, a time, or --all"),
    "an order that there is not": (("replay", "PO-1"), 1, "there is no order PO-1"),
    "a file that is not there": (("catalog", "import", "/does/not/exist.csv"), 2, "cannot read"),
}


@pytest.mark.parametrize(("arguments", "status", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_told_and_changes_nothing(
    crossdock: Crossdock, arguments: tuple[str, ...], status: int, words: str
) -> None:
    code, said = crossdock(*arguments)
    assert (code, words in said) == (status, True), said


def test_a_password_that_is_too_short_is_refused(crossdock: Crossdock) -> None:
    status, said = crossdock(
        "person", "add", "y", "--name", "Y", "--role", "auditor", "--password-stdin", stdin="short\n"
    )
    assert status == 1
    assert "a password has 10 to 200 characters" in said


def test_a_catalog_with_faults_is_refused_as_a_whole(crossdock: Crossdock, tmp_path: Path) -> None:
    paths = []
    for name, content in demo_files().items():
        path = tmp_path / name
        path.write_bytes(content.replace(b"C62", b"ZZ9"))
        paths.append(str(path))
    status, said = crossdock("catalog", "import", *paths)
    assert status == 1
    assert "[cell.unknown_unit]" in said
    assert " more\n" in said
    assert crossdock("catalog", "export", str(tmp_path / "out"))[0] == 0
    assert (tmp_path / "out" / "items.csv").read_text().count("\n") == 1


def test_a_catalog_goes_out_as_it_came_in(crossdock: Crossdock, tmp_path: Path) -> None:
    for name, content in demo_files().items():
        (tmp_path / name).write_bytes(content)
    assert crossdock("catalog", "import", *(str(tmp_path / name) for name in demo_files()))[0] == 0
    crossdock("catalog", "export", str(tmp_path / "first"))
    again = crossdock("catalog", "import", *(str(tmp_path / "first" / name) for name in demo_files()))
    assert "0 new items, 76 changed" in again[1]
    crossdock("catalog", "export", str(tmp_path / "second"))
    for name in demo_files():
        assert (tmp_path / "second" / name).read_bytes() == (tmp_path / "first" / name).read_bytes()


def test_a_setting_that_contradicts_itself_is_told_by_its_name() -> None:
    result = CliRunner().invoke(commands(), ["init"], env={"CROSSDOCK_PORT": "many"})
    assert result.exit_code == 2
    assert "CROSSDOCK_PORT: " in result.output


@pytest.mark.parametrize("command", ["init", "work", "check-config"])
@pytest.mark.parametrize(
    ("name", "url", "said"),
    [
        ("DATABASE_URL", "postgresql://nobody:canary@127.0.0.1:1/none", "the database does not answer"),
        ("DATABASE_URL", "postgresql://nobody:can@canary@127.0.0.1:1/none", "write an @ in the password as %40"),
        ("DATABASE_URL", "mssql://nobody:canary@127.0.0.1/none", "mssql is not supported"),
        ("BASE_URL", "https://nobody:canary@crossdock.example", "neither name nor password"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_its_password(
    tmp_path: Path, command: str, name: str, url: str, said: str
) -> None:
    result = CliRunner().invoke(commands(), [command, "--data", str(tmp_path)], env={f"CROSSDOCK_{name}": url})
    assert result.exit_code != 0
    assert said in " ".join(result.output.split())
    assert "canary" not in result.output


def test_a_key_of_the_api_is_made_shown_once_and_revoked(crossdock: Crossdock) -> None:
    assert crossdock("key", "create", "ERP")[0] == 1
    status, said = crossdock("key", "create", "ERP", "--scope", "orders:read", "--customer", "10010")
    assert status == 0
    key = said.removeprefix("key: ").split(" ", 1)[0]
    key_id, secret = key.split("_")[2:]
    assert crossdock("key", "create", "ERP")[0] == 0
    status, said = crossdock("key", "create", "ERP")
    assert (status, "revoke the older one first" in said) == (1, True)
    assert crossdock("key", "revoke", key_id) == (0, "")
    listed = crossdock("key", "list")[1]
    assert secret not in listed
    assert [word in listed for word in (key_id, "revoked", "valid", "10010")] == [True] * 4


def test_other_roles_are_given_in_place_of_before(crossdock: Crossdock) -> None:
    given = ("person", "add", "rita", "--name", "Rita", "--role", "auditor", "--password-stdin")
    assert crossdock(*given, stdin="a long password\n")[0] == 0
    assert crossdock("person", "roles", "rita", "--role", "operator", "--role", "approver") == (0, "")
    line = next(line for line in crossdock("person", "list")[1].splitlines() if "rita" in line)
    assert ("operator, approver" in line, "auditor" in line) == (True, False)


def test_the_provider_of_accounts_is_named_shown_without_its_secret_and_removed(crossdock: Crossdock) -> None:
    given = ("oidc", "set", "https://sso.example", "--client-id", "crossdock", "--default-role", "auditor")
    status, said = crossdock(*given, stdin="canary-secret\n")
    assert (status, "https://crossdock.example/oidc/callback" in said) == (0, True)
    assert crossdock("oidc", "set", "https://sso2.example", "--client-id", "crossdock", stdin="canary-secret\n")[0] == 0
    status, said = crossdock("oidc", "show")
    assert (status, said) == (0, "https://sso2.example as crossdock; not known here: not let in\n")
    assert crossdock("oidc", "remove") == (0, "")
    assert crossdock("oidc", "show")[0] == 1


def test_a_person_works_for_some_customers_or_for_all(crossdock: Crossdock) -> None:
    for number in ("10001", "10002"):
        assert crossdock("customer", "add", number, "--name", number, "--currency", "EUR")[0] == 0
    given = ("person", "add", "ines", "--name", "Ines", "--role", "flow_author", "--customer", "10002")
    assert crossdock(*given)[0] == 0

    def listed() -> str:
        return next(line for line in crossdock("person", "list")[1].splitlines() if "ines" in line)

    assert "10002" in listed()
    assert crossdock("person", "customers", "ines", "--customer", "10001", "--customer", "10002")[0] == 0
    assert "10001, 10002" in listed()
    assert crossdock("person", "customers", "ines", "--all")[0] == 0
    assert "all" in listed()
    assert crossdock("person", "customers", "ines")[0] == 2
    code, told = crossdock("person", "customers", "ines", "--customer", "7")
    assert (code, "there is no customer '7'" in told) == (1, True)
