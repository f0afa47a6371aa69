"""`crossdock evidence`, `backup` and `restore` as an operator uses them."""

from pathlib import Path

import commands
import pytest
from ledger_traffic import SHOPPER, STREET, buyer_of, finish, order_of, place
from sqlalchemy import text
from sqlmodel import select

from app.gateway import Gateway
from app.seal import KeyFile
from app.storage.orders import OrderRow
from app.storage.seal_keys import register_key

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def data(gateway: Gateway, tmp_path: Path) -> Path:
    """A data directory with one order at its end, PO-1, and one on its way, PO-2."""
    KeyFile(tmp_path / "seal.keys").replace(gateway.keys)
    gateway.database.write(lambda session: register_key(session, gateway.keys, gateway.clock.now()))
    buyer = buyer_of(gateway)
    finish(gateway, place(gateway, buyer, order_of("PO-1")))
    place(gateway, buyer, order_of("PO-2"))
    return tmp_path


def test_a_sound_ledger_verifies_and_a_damaged_one_does_not(data: Path, gateway: Gateway) -> None:
    sound = commands.run("evidence", "verify", "--data", data)
    assert (sound.status, sound.out) == (0, "4 intact, 0 erased, 0 missing, 0 damaged\n")
    assert "4/4 bodies" in sound.err
    with gateway.database.engine.begin() as connection:
        connection.execute(text("UPDATE cd_exchanges SET sha256 = 'x' WHERE kind = 'OrderRequest'"))
    damaged = commands.run("evidence", "verify", "--data", data)
    assert damaged.status == 1
    assert damaged.out.count("is not what its hash says") == 2
    assert damaged.out.endswith("2 intact, 0 erased, 0 missing, 2 damaged\n")


def test_a_record_whose_end_was_cut_off_is_noticed_by_what_it_said_before(data: Path, gateway: Gateway) -> None:
    head = commands.run("evidence", "head", "--data", data).out.strip()
    assert commands.run("evidence", "verify", "--head", head, "--data", data).status == 0
    with gateway.database.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER cd_audit_no_delete"))
        connection.execute(text("DELETE FROM cd_audit WHERE sequence = (SELECT MAX(sequence) FROM cd_audit)"))
    assert commands.run("evidence", "verify", "--data", data).status == 0, "what is left is a whole chain"
    held = commands.run("evidence", "verify", "--head", head, "--head", "x", "--data", data)
    assert held.status == 1
    assert f"does not have the entry {head} any more" in held.out


def test_an_order_is_exported_and_the_file_verifies_without_a_database(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "po1.zip"
    assert commands.run("evidence", "export", "PO-1", "--out", file, "--data", data).status == 0
    assert file.stat().st_mode & 0o777 == 0o600
    nowhere = tmp_path / "nowhere"
    verified = commands.run("evidence", "verify", "--zip", file, "--data", nowhere)
    assert (verified.status, verified.out.startswith("order PO-1: ")) == (0, True)
    assert not nowhere.exists()
    file.write_bytes(file.read_bytes()[:-30])
    assert commands.run("evidence", "verify", "--zip", file).status == 1


def test_an_export_never_replaces_a_file(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "there.zip"
    file.write_text("mine")
    refused = commands.run("evidence", "export", "PO-1", "--out", file, "--data", data)
    assert (refused.status, file.read_text()) == (1, "mine")


def test_an_order_that_is_not_there_is_told(data: Path, tmp_path: Path) -> None:
    said = commands.run("evidence", "export", "PO-9", "--out", tmp_path / "x.zip", "--data", data)
    assert (said.status, said.err) == (1, "there is no order PO-9\n")


def test_an_order_at_its_end_is_erased_and_one_on_its_way_is_not(data: Path) -> None:
    erased = commands.run("evidence", "erase", "--order", "PO-1", "--reason", "letter", "--data", data)
    assert (erased.status, erased.out) == (0, "erased: 2 bodies, 1 orders, 0 visits, 0 accounts\n")
    refused = commands.run("evidence", "erase", "--order", "PO-2", "--reason", "letter", "--data", data)
    assert refused.status == 1
    assert "order PO-2 is not at its end yet" in refused.err
    assert commands.run("evidence", "verify", "--data", data).out == "2 intact, 2 erased, 0 missing, 0 damaged\n"


def test_a_person_is_erased_as_far_as_orders_are_at_their_end(data: Path) -> None:
    said = commands.run("evidence", "erase", "--person", SHOPPER, "--reason", "letter", "--data", data)
    assert said.status == 1
    assert said.err.endswith("not at their end yet, and left as they are: PO-2\n")
    assert said.out == "erased: 2 bodies, 1 orders, 0 visits, 0 accounts\n"


def test_nothing_of_what_was_erased_is_left_in_the_files(data: Path, gateway: Gateway) -> None:
    street = STREET.encode()
    assert any(street in file.read_bytes() for file in data.glob("crossdock.db*"))
    for number in ("PO-1", "PO-2"):
        with gateway.database.read() as session:
            order_id = session.scalars(select(OrderRow.id).where(OrderRow.number == number)).one()
        finish(gateway, order_id)
        assert commands.run("evidence", "erase", "--order", number, "--reason", "letter", "--data", data).status == 0
    assert [file.name for file in data.glob("crossdock.db*") if street in file.read_bytes()] == []


@pytest.mark.parametrize(
    "arguments",
    [(), ("--order", "PO-1", "--person", SHOPPER), ("--person", "Dana"), ("--order", "PO-1", "--reason", " ")],
)
def test_an_erasure_names_one_thing_and_a_reason(arguments: tuple[str, ...], data: Path) -> None:
    reason = () if "--reason" in arguments else ("--reason", "letter")
    assert commands.run("evidence", "erase", *arguments, *reason, "--data", data).status == 2


def test_retention_rules_are_set_listed_and_taken_back(data: Path) -> None:
    setups = ("--kind", "PunchOutSetupRequest", "--data", data)
    for days in (90, 95):
        assert commands.run("evidence", "retention", "set", days, *setups).status == 0
    listed = commands.run("evidence", "retention", "list", "--data", data).out
    assert "95" in listed
    assert "90" not in listed
    assert "400" in listed
    assert [commands.run("evidence", "retention", "remove", *setups).status for _ in range(2)] == [0, 1]


def test_nothing_is_kept_for_less_than_resends_need(data: Path) -> None:
    said = commands.run("evidence", "retention", "set", "5", "--data", data)
    assert (said.status, said.err) == (1, "documents are needed for 30 days, to answer those that are sent again\n")


def test_a_rule_for_a_connection_that_is_not_there_is_told(data: Path) -> None:
    said = commands.run("evidence", "retention", "set", "90", "--partner", "Nobody", "--data", data)
    assert (said.status, said.err) == (1, "there is no connection Nobody\n")


def test_a_backup_goes_into_a_new_directory_with_the_keys_only(data: Path, tmp_path: Path) -> None:
    file, target = tmp_path / "b.zip", tmp_path / "new"
    assert commands.run("backup", file, "--data", data).status == 0
    keyless = commands.run("restore", file, "--data", target)
    assert keyless.status == 1
    assert "no key ring" in keyless.err
    target.mkdir(exist_ok=True)
    (target / "seal.keys").write_bytes((data / "seal.keys").read_bytes())
    assert commands.run("restore", file, "--data", target).status == 0
    assert commands.run("evidence", "verify", "--data", target).out == "4 intact, 0 erased, 0 missing, 0 damaged\n"
    again = commands.run("restore", file, "--data", target)
    assert again.status == 1
    assert "not empty" in again.err


def test_a_file_that_is_no_backup_is_told(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.zip"
    file.write_text("no zip")
    said = commands.run("restore", file, "--data", data)
    assert said.status == 1
    assert "it is not a backup, or is cut short" in said.err
    assert commands.run("restore", tmp_path / "none.zip", "--data", data).status == 1
