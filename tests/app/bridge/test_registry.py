from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from app.bridge.adapter import Label
from app.bridge.registry import ADAPTERS, FRESH, Erps, keep_erp, keep_secret, key
from app.bridge.rest_json.adapter import SIGNING, RestJson
from app.clock import SetClock
from app.gateway import Gateway
from app.seal import KeyRing, Secret
from app.storage.base import LIVE
from app.storage.erps import ErpRow, ErpSecretRow

OLD, NEW = Secret("whsec_" + "b2xk" * 8), Secret("whsec_" + "bmV3" * 8)


@pytest.fixture
def erps(gateway: Gateway, clock: SetClock) -> Iterator[Erps]:
    erps = Erps(gateway.database, gateway.keys, clock, private_networks=False)
    yield erps
    erps.close()


def keep(gateway: Gateway, *, realm: str = LIVE, name: str = "main", secret: Secret = OLD, **settings: object) -> None:
    def work(tx: Session) -> None:
        now = gateway.clock.now()
        row = keep_erp(
            tx,
            realm=realm,
            name=name,
            adapter="rest_json",
            settings={"url": "https://erp.example/api/", **settings},
            now=now,
        )
        keep_secret(tx, gateway.keys, row, SIGNING, secret, now=now)

    gateway.database.write(work)


def secrets(adapter: object) -> list[str]:
    assert isinstance(adapter, RestJson)
    return [secret.reveal() for secret in adapter.secrets]


def test_an_erp_is_built_from_its_row(gateway: Gateway, erps: Erps) -> None:
    keep(gateway, settle=120, at_once=3, timeout=7)
    adapter = erps["main"]
    assert isinstance(adapter, RestJson)
    assert (adapter.url, adapter.source) == ("https://erp.example/api", "crossdock/live")
    assert (adapter.settle, adapter.longest, adapter.at_once) == (timedelta(minutes=2), timedelta(seconds=7), 3)
    assert secrets(adapter) == [OLD.reveal()]


def test_secrets_are_sealed_and_never_shown(gateway: Gateway, erps: Erps) -> None:
    keep(gateway)
    with gateway.database.read() as session:
        row = session.exec(select(ErpSecretRow)).one()
    assert OLD.reveal().encode() not in row.sealed
    assert OLD.reveal() not in repr(erps["main"])


def test_another_realms_erp_is_never_met(gateway: Gateway, erps: Erps) -> None:
    keep(gateway, realm="sandbox")
    assert "main" not in erps
    assert key("sandbox", "main") in erps


def test_a_change_is_seen_soon(gateway: Gateway, erps: Erps, clock: SetClock) -> None:
    keep(gateway)
    before = erps["main"]
    keep(gateway, secret=NEW)
    assert erps["main"] is before
    clock.move(FRESH)
    assert secrets(erps["main"]) == [NEW.reveal(), OLD.reveal()]
    after = erps["main"]
    clock.move(FRESH)
    assert erps["main"] is after


def test_a_secret_that_has_run_out_is_dropped(gateway: Gateway, erps: Erps, clock: SetClock) -> None:
    keep(gateway)

    def rotate(tx: Session) -> None:
        now = clock.now()
        row = tx.exec(select(ErpRow)).one()
        keep_secret(tx, gateway.keys, row, SIGNING, NEW, now=now, overlap_until=now + timedelta(hours=1))

    gateway.database.write(rotate)
    assert secrets(erps["main"]) == [NEW.reveal(), OLD.reveal()]
    clock.move(timedelta(hours=1))
    assert secrets(erps["main"]) == [NEW.reveal()]


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "http://erp.example/"},
        {"url": "https://me:pw@erp.example/"},
        {"timeout": 0},
        {"at_once": 0},
        {"settle": -1},
        {"unheard_of": 1},
    ],
)
def test_what_cannot_be_set_up_is_left_out(gateway: Gateway, erps: Erps, settings: dict[str, object]) -> None:
    keep(gateway, name="good")
    keep(gateway, name="bad", **settings)
    assert list(erps) == ["good"]


def test_a_key_ring_that_does_not_fit_leaves_the_erp_out(gateway: Gateway, clock: SetClock) -> None:
    keep(gateway)
    assert list(Erps(gateway.database, KeyRing.made("other"), clock, private_networks=False)) == []


def test_an_unknown_adapter_is_refused(gateway: Gateway) -> None:
    def work(tx: Session) -> None:
        keep_erp(tx, realm=LIVE, name="main", adapter="abacus", settings={}, now=gateway.clock.now())

    with pytest.raises(KeyError):
        gateway.database.write(work)


def test_every_adapter_says_how_far_it_was_proved() -> None:
    assert {name: known.label for name, known in ADAPTERS.items()} == {"rest_json": Label.STAND_IN}
