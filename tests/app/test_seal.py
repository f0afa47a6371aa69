"""Sealed means: read by its key at its place only; shown nowhere."""

import copy
import pickle
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.seal import KeyRing, Place, Secret, Unsealable, live_secrets, make_key_file

PLACE = Place("cd_partner_secrets", "row-1", "sealed")


@given(st.binary(max_size=300))
def test_what_is_sealed_opens_at_its_place(plain: bytes) -> None:
    ring = KeyRing.made("k1")
    sealed = ring.seal(plain, PLACE)
    assert ring.open(sealed, PLACE) == plain


@pytest.mark.parametrize(
    "elsewhere",
    [PLACE._replace(table="cd_x"), PLACE._replace(row="row-2"), PLACE._replace(column="other")],
    ids=lambda place: "/".join(place),
)
def test_a_value_that_was_moved_does_not_open(elsewhere: Place) -> None:
    ring = KeyRing.made("k1")
    with pytest.raises(Unsealable, match="moved"):
        ring.open(ring.seal(b"secret", PLACE), elsewhere)


def test_a_changed_value_does_not_open() -> None:
    ring = KeyRing.made("k1")
    sealed = ring.seal(b"secret", PLACE)
    for position in range(2, len(sealed)):
        changed = sealed[:position] + bytes([sealed[position] ^ 1]) + sealed[position + 1 :]
        with pytest.raises(Unsealable):
            ring.open(changed, PLACE)


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x02\x01k", b"plain text", b"\x01\x02\xff\xfe"], ids=repr)
def test_what_was_never_sealed_is_told_in_words(sealed: bytes) -> None:
    with pytest.raises(Unsealable):
        KeyRing.made("k1").open(sealed, PLACE)


def test_the_same_value_never_looks_the_same_twice() -> None:
    ring = KeyRing.made("k1")
    assert ring.seal(b"secret", PLACE) != ring.seal(b"secret", PLACE)


def test_after_a_rotation_old_values_open_and_new_ones_use_the_new_key() -> None:
    old = KeyRing.made("2025")
    sealed = old.seal(b"secret", PLACE)
    ring = old.rotated("2026")
    assert ring.open(sealed, PLACE) == b"secret"
    assert ring.key_id(ring.seal(b"secret", PLACE)) == "2026"
    again = ring.rewrap(sealed, PLACE)
    assert ring.key_id(again) == "2026"
    without_old = KeyRing({"2026": ring.keys["2026"]}, "2026")
    assert without_old.open(again, PLACE) == b"secret"
    with pytest.raises(Unsealable, match="'2025', which is not in the key ring"):
        without_old.open(sealed, PLACE)


def test_a_ring_survives_its_file() -> None:
    ring = KeyRing.made("2025").rotated("2026")
    again = KeyRing.read("# our keys\n\n" + ring.written())
    assert again.current == "2026"
    assert again.keys == ring.keys
    assert KeyRing.read(ring.written().strip().replace("\n", ",")).keys == ring.keys


@pytest.mark.parametrize("text", ["", "# nothing", "k1", "k1:", "k1:AAAA", "k1:not base64", "k1:" + "A" * 99], ids=repr)
def test_a_broken_key_ring_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError, match="key ring") as error:
        KeyRing.read(text)
    assert text == "" or text not in str(error.value)


def test_a_body_has_a_key_of_its_own_and_is_gone_without_it() -> None:
    ring = KeyRing.made("k1")
    place = Place("cd_exchange_bodies", "x", "body")
    first, second = ring.seal_body(b"<cXML/>", place), ring.seal_body(b"<cXML/>", place)
    assert ring.open_body(first, place) == b"<cXML/>"
    with pytest.raises(Unsealable):
        ring.open_body(first._replace(key=second.key), place)


def test_a_rotation_rewraps_the_key_and_leaves_the_body() -> None:
    old = KeyRing.made("k1")
    place = Place("cd_exchange_bodies", "x", "body")
    sealed = old.seal_body(b"<cXML/>", place)
    new = old.rotated("k2")
    moved = sealed._replace(key=new.rewrap(sealed.key, place))
    assert KeyRing({"k2": new.keys["k2"]}, "k2").open_body(moved, place) == b"<cXML/>"


def test_the_key_file_is_for_its_owner_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "seal.keys"
    ring = make_key_file(path, "k1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KeyRing.read(path.read_text()).keys == ring.keys
    with pytest.raises(FileExistsError):
        make_key_file(path, "k2")


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret("c4nary-value")
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", repr([secret]), repr({"a": secret})]
    shown.append(pickle.dumps(secret).decode("latin-1"))
    shown.append(repr(KeyRing.made("k1")))
    assert not any("c4nary" in text for text in shown)
    assert copy.deepcopy(secret).reveal() == "***"
    assert secret.reveal() == "c4nary-value"


def test_live_secrets_are_known_for_redaction_and_forgotten_with_their_owner() -> None:
    secret = Secret("c4nary-live")
    assert "c4nary-live" in set(live_secrets())
    del secret
    assert "c4nary-live" not in set(live_secrets())


def test_secrets_are_listed_while_other_threads_make_and_drop_them() -> None:
    ended = threading.Event()

    def make() -> None:
        while not ended.is_set():
            [Secret(f"passing-{number}") for number in range(50)]

    makers = [threading.Thread(target=make) for _ in range(4)]
    for maker in makers:
        maker.start()
    kept = Secret("c4nary-kept")
    try:
        assert all("c4nary-kept" in set(live_secrets()) for _ in range(300))
    finally:
        ended.set()
        for maker in makers:
            maker.join()
    assert kept.reveal() == "c4nary-kept"
