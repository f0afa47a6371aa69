"""What must not be readable at rest or in a log.

Sealed with AES-256-GCM under a ring of master keys: the first seals, all open, so that a key can be rotated while old
rows wait for re-sealing. Table, row and column are bound in as associated data, so that a sealed value moved to another
place does not open. Bodies of exchanges have a data key each, wrapped by the master key: dropping that erases one body.
"""

import base64
import hmac
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Final, NamedTuple
from weakref import WeakSet

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
MASK: Final = "***"
FORMAT: Final = 1
FOLLOW_SECONDS: Final = 1.0
"""How soon a running process seals with the key that a rotation made current."""


class Unsealable(Exception):
    """A sealed value cannot be opened: its key is not in the ring, or it was changed or moved."""


class Secret:
    """A text that shows itself only to `reveal`; everywhere else it is `***`, in pickles too."""

    __slots__ = ("__weakref__", "_text")
    _live: ClassVar["WeakSet[Secret]"] = WeakSet()
    _changing: ClassVar = threading.RLock()

    def __init__(self, text: str) -> None:
        self._text = text
        with Secret._changing:
            Secret._live.add(self)

    @classmethod
    def live(cls) -> list["Secret"]:
        """All that this process holds now."""
        with cls._changing:
            return list(cls._live)

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __reduce__(self) -> tuple[type["Secret"], tuple[str]]:
        return Secret, (MASK,)


def live_secrets() -> Iterator[str]:
    """The texts of all secrets this process holds now, for redaction of logs by value."""
    for secret in Secret.live():
        yield secret.reveal()


class Place(NamedTuple):
    """Where a sealed value lives."""

    table: str
    row: str
    column: str


class SealedBody(NamedTuple):
    """A body and its wrapped data key; without the key the body is noise for good."""

    key: bytes
    body: bytes


class KeyFile:
    """The file of a key ring, which a rotation replaces under a running server."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._looked = 0.0

    def ring(self) -> "KeyRing":
        """Raises OSError, and ValueError as `KeyRing.read` does."""
        self._seen, self._looked = self._stamp(), time.monotonic()
        return KeyRing.read(self.path.read_text(), file=self)

    def changed(self, *, at_once: bool = False) -> "KeyRing | None":
        """The ring when the file is another one than before; without `at_once` looks every FOLLOW_SECONDS only. A file
        that is away or cannot be read changes nothing."""
        now = time.monotonic()
        if not at_once and now - self._looked < FOLLOW_SECONDS:
            return None
        self._looked = now
        try:
            return None if self._stamp() == self._seen else self.ring()
        except (OSError, ValueError):
            return None

    def replace(self, ring: "KeyRing") -> None:
        """All or nothing, and on the disk when it returns."""
        part = self.path.with_name(f"{self.path.name}.part")
        part.unlink(missing_ok=True)
        _write_private(part, ring)
        part.rename(self.path)
        _sync_folder(self.path.parent)

    def _stamp(self) -> tuple[int, int, int]:
        found = self.path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size


class _Keys(NamedTuple):
    by_id: Mapping[str, bytes]
    current: str


class KeyRing:
    """Master keys by id. `current` seals; every key opens what it sealed. With a `file` the ring follows it: a key that
    is not here is looked for there at once, and a new current key is taken up within FOLLOW_SECONDS."""

    __slots__ = ("_file", "_now")

    def __init__(self, keys: Mapping[str, bytes], current: str, file: KeyFile | None = None) -> None:
        if current not in keys:
            raise ValueError("the current key is not in the ring")
        for name, key in keys.items():
            if len(key) != KEY_BYTES:
                raise ValueError(f"key {name} is not {KEY_BYTES} bytes long")
            if not name or len(name.encode()) > 255:
                raise ValueError("a key id has 1 to 255 bytes")
        # One attribute, so that no thread ever meets the keys of one ring and the current id of another.
        self._now = _Keys(keys, current)
        self._file = file

    @property
    def keys(self) -> Mapping[str, bytes]:
        return self._now.by_id

    @property
    def current(self) -> str:
        return self._now.current

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self.keys)})"

    @classmethod
    def read(cls, text: str, *, file: KeyFile | None = None) -> "KeyRing":
        """From lines (or comma-separated items) `id:base64`, the current key first; `#` begins a comment line.
        Raises ValueError saying which line is wrong, never its content."""
        keys: dict[str, bytes] = {}
        lines = [line.strip() for line in text.replace(",", "\n").splitlines()]
        for number, line in enumerate(lines, 1):
            if not line or line.startswith("#"):
                continue
            name, colon, encoded = line.partition(":")
            try:
                keys[name] = base64.b64decode(encoded, validate=True)
            except ValueError:
                colon = ""
            if not colon or len(keys[name]) != KEY_BYTES:
                raise ValueError(f"line {number} of the key ring is not `id:base64 of {KEY_BYTES} bytes`")
        if not keys:
            raise ValueError("the key ring holds no key")
        return cls(keys, next(iter(keys)), file)

    def written(self) -> str:
        """The form that `read` takes."""
        ordered = [self.current, *(name for name in self.keys if name != self.current)]
        return "".join(f"{name}:{base64.b64encode(self.keys[name]).decode()}\n" for name in ordered)

    @classmethod
    def made(cls, name: str) -> "KeyRing":
        return cls({name: os.urandom(KEY_BYTES)}, name)

    def rotated(self, name: str) -> "KeyRing":
        """A ring whose new current key is fresh; the old ones stay to open what they sealed."""
        return self.with_spare(name).promoted(name)

    def with_spare(self, name: str) -> "KeyRing":
        """A ring with a fresh key that only opens until it is promoted: for servers on several machines, which must all
        have it before the first seals with it."""
        if name in self.keys:
            raise ValueError(f"there is a key {name} already")
        return KeyRing({**self.keys, name: os.urandom(KEY_BYTES)}, self.current)

    def promoted(self, name: str) -> "KeyRing":
        return KeyRing(self.keys, name)

    def without(self, name: str) -> "KeyRing":
        return KeyRing({other: key for other, key in self.keys.items() if other != name}, self.current)

    def seal(self, plain: bytes, place: Place) -> bytes:
        """Format byte, length and id of the key, nonce, ciphertext with tag."""
        self._follow()
        keys, current = self._now
        return _sealed(keys[current], current, plain, place)

    def open(self, sealed: bytes, place: Place) -> bytes:
        """Raises Unsealable, which names the missing key but never the content."""
        name, key = self._key_of(sealed)
        return _opened(key, name, sealed, place)

    def key_id(self, sealed: bytes) -> str:
        """Which key sealed this; Unsealable when it is not one of ours."""
        return self._key_of(sealed)[0]

    def seal_text(self, secret: Secret, place: Place) -> bytes:
        return self.seal(secret.reveal().encode(), place)

    def open_text(self, sealed: bytes, place: Place) -> Secret:
        return Secret(self.open(sealed, place).decode())

    def seal_body(self, body: bytes, place: Place) -> SealedBody:
        data_key = os.urandom(KEY_BYTES)
        return SealedBody(key=self.seal(data_key, place), body=_sealed(data_key, "data", body, place))

    def open_body(self, sealed: SealedBody, place: Place) -> bytes:
        return _opened(self.open(sealed.key, place), "data", sealed.body, place)

    def derived(self, purpose: str) -> str:
        """A text for signing that every process with these keys comes to, also after a restart. It is another one once
        the key of the first name in the alphabet is another one."""
        key = self.keys[min(self.keys)]
        return hmac.new(key, f"derived\0{purpose}".encode(), "sha256").hexdigest()

    def rewrap(self, sealed_key: bytes, place: Place) -> bytes:
        """The same value under the current key."""
        return self.seal(self.open(sealed_key, place), place)

    def _key_of(self, sealed: bytes) -> tuple[str, bytes]:
        try:
            name = sealed[2 : 2 + sealed[1]].decode() if sealed[0] == FORMAT else ""
        except (IndexError, UnicodeDecodeError):
            name = ""
        if not name:
            raise Unsealable("this is not a sealed value")
        if name not in self.keys:
            self._follow(at_once=True)
        key = self.keys.get(name)
        if key is None:
            raise Unsealable(f"sealed with key '{name}', which is not in the key ring")
        return name, key

    def _follow(self, *, at_once: bool = False) -> None:
        ring = self._file.changed(at_once=at_once) if self._file is not None else None
        if ring is not None:
            self._now = ring._now


def beginning(name: str) -> bytes:
    """How everything sealed with the key of that id begins."""
    return bytes((FORMAT, len(name.encode()))) + name.encode()


def _bound(place: Place, name: str) -> bytes:
    return "\0".join((*place, name)).encode()


def _sealed(key: bytes, name: str, plain: bytes, place: Place) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return beginning(name) + nonce + AESGCM(key).encrypt(nonce, plain, _bound(place, name))


def _opened(key: bytes, name: str, sealed: bytes, place: Place) -> bytes:
    start = 2 + len(name.encode())
    nonce, cipher = sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, cipher, _bound(place, name))
    except (InvalidTag, ValueError) as error:
        raise Unsealable(f"a value of {place.table}.{place.column} was changed, moved or erased") from error


def new_key_id() -> str:
    return f"key-{os.urandom(4).hex()}"


def make_key_file(path: Path, name: str) -> KeyRing:
    """Makes the file with one fresh key, readable by its owner only. Raises FileExistsError rather than overwrite."""
    ring = KeyRing.made(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}")
    _write_private(part, ring)
    try:
        # A link never replaces, and nobody ever sees half a file.
        path.hardlink_to(part)
    finally:
        part.unlink()
    _sync_folder(path.parent)
    return ring


def _write_private(path: Path, ring: KeyRing) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write("# Crossdock's master keys. Without this file nothing sealed in the database can be read again.\n")
        file.write(ring.written())
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
