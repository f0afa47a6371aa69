"""Passwords: kept as argon2 hashes, checked two at a time, and the same work for nobody."""

import threading

import pytest

from app.storage import passwords


def test_only_the_right_password_fits() -> None:
    kept = passwords.hashed("correct horse battery")
    assert kept.startswith("$argon2id$")
    assert passwords.check(kept, "correct horse battery").result()
    assert not passwords.check(kept, "correct horse batterY").result()
    assert not passwords.outdated(kept)


def test_nobody_and_a_broken_hash_fit_no_password() -> None:
    assert not passwords.check(None, "").result()
    assert not passwords.check("not a hash", "x").result()


@pytest.mark.parametrize("password", ["short", "x" * 201])
def test_a_password_out_of_bounds_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="10 to 200"):
        passwords.hashed(password)


def test_an_unknown_person_costs_the_same_work_as_a_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []

    class Counting:
        def verify(self, kept: str, password: str) -> bool:
            verified.append(kept)
            return passwords.PasswordHasher().verify(kept, password)

        def hash(self, password: str) -> str:
            return passwords.PasswordHasher().hash(password)

    monkeypatch.setattr(passwords, "_HASHER", Counting())
    passwords.check(None, "wrong").result()
    passwords.check(passwords.hashed("right password"), "wrong").result()
    assert len(verified) == 2
    assert all(kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$") for kept in verified)


def test_two_checks_run_at_once_and_the_third_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    running: list[int] = []
    most: list[int] = []
    both = threading.Barrier(2, timeout=5)

    class Slow:
        def verify(self, kept: str, password: str) -> bool:
            running.append(1)
            most.append(len(running))
            both.wait()
            running.pop()
            return True

    monkeypatch.setattr(passwords, "_HASHER", Slow())
    for answer in [passwords.check("kept", "x") for _ in range(4)]:
        assert answer.result(10)
    assert max(most) == passwords.AT_ONCE


def test_a_made_password_is_new_each_time() -> None:
    assert len({passwords.made() for _ in range(20)}) == 20
