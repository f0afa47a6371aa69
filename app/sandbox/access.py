"""`demo.json`: where the demo runs and what its buyers and users prove themselves with.

Scripts rely on these names. The file holds secrets: it is written for its owner alone.
"""

import os
from pathlib import Path

import msgspec

from schemas.base import Canonical
from schemas.party import Identifier

FILE_NAME = "demo.json"


class Identity(Canonical, frozen=True, kw_only=True):
    domain: str
    identity: str

    @property
    def identifier(self) -> Identifier:
        return Identifier(scheme=self.domain, value=self.identity)


class User(Canonical, frozen=True, kw_only=True):
    name: str
    password: str
    roles: tuple[str, ...]


class Cxml(Canonical, frozen=True, kw_only=True):
    """What a cXML buyer needs: the address, the three parties of a Header, the shared secret."""

    url: str
    from_: Identity = msgspec.field(name="from")
    to: Identity
    sender: Identity
    secret: str


class DemoAccess(Canonical, frozen=True, kw_only=True):
    base_url: str
    erp_url: str
    users: tuple[User, ...]
    cxml: Cxml
    other_buyers: tuple[Cxml, ...] = ()

    def reached_at(self, base_url: str) -> "DemoAccess":
        """The same server under another address."""
        cxml = msgspec.structs.replace(self.cxml, url=f"{base_url}/cxml")
        return msgspec.structs.replace(self, base_url=base_url, cxml=cxml)

    def user(self, role: str) -> User:
        """Raises LookupError."""
        for user in self.users:
            if role in user.roles:
                return user
        raise LookupError(f"the demo has no user with the role {role}")

    def named(self, login: str) -> User:
        """Raises LookupError."""
        for user in self.users:
            if user.name == login:
                return user
        raise LookupError(f"the demo has no user {login}: it was made by an older release, begin it in a new folder")


def load(data: Path) -> DemoAccess | None:
    """None when there is no such file or it is not ours to read. Raises msgspec.ValidationError for other contents."""
    try:
        return msgspec.json.decode((data / FILE_NAME).read_bytes(), type=DemoAccess)
    except FileNotFoundError:
        return None


def save(data: Path, access: DemoAccess) -> Path:
    path = data / FILE_NAME
    draft = path.with_suffix(".json.new")
    with open(draft, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(msgspec.json.format(msgspec.json.encode(access), indent=2) + b"\n")
    draft.replace(path)
    return path
