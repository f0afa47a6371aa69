"""`crossdock seal`: the master keys. They are kept in the key file, or by whoever sets CROSSDOCK_KEYS."""

import time
from typing import Annotated

import typer
from rich.table import Table

from app.cli.audited import record
from app.cli.options import Data, console, settings_from, stop
from app.cli.progress import bar
from app.cli.site import opened
from app.seal import FOLLOW_SECONDS, KeyFile, KeyRing, new_key_id
from app.settings import Settings
from app.storage.rotation import left, rotate
from app.storage.seal_keys import forget_key, register_key
from app.storage.sealed_columns import count

seal = typer.Typer(help="The master keys: rotate, look, retire.", no_args_is_help=True, rich_markup_mode=None)


@seal.command()
def status(data: Data = None) -> None:
    """Which keys there are, and how much each has sealed."""
    table = Table("key", "", "values")
    with opened(settings_from(data)) as gateway, gateway.database.read() as session:
        for key in gateway.keys.keys:
            role = "seals" if key == gateway.keys.current else "only opens"
            table.add_row(key, role, str(count(session.connection(), key)))
    console().print(table)


@seal.command()
def add(data: Data = None) -> None:
    """Add a key that only opens. Where servers run on several machines: add, copy the key file to all, then rotate."""
    settings = settings_from(data)
    file = _file(settings)
    with opened(settings) as gateway:
        key = new_key_id()
        file.replace(gateway.keys.with_spare(key))
    console().print(f"{key} is in {file.path} and only opens; `crossdock seal rotate --to {key}` makes it seal")


@seal.command("rotate")
def rotate_(
    to: Annotated[str | None, typer.Option(help="A key that is in the ring already. [default: a fresh one]")] = None,
    data: Data = None,
) -> None:
    """Seal with another key from now on, and seal anew everything there is. Servers may run.

    A rotation that was interrupted goes on when this is run again. With CROSSDOCK_KEYS: put the new key first there,
    restart, then run this."""
    settings = settings_from(data)
    with opened(settings) as gateway:
        keys = gateway.keys
        if to is not None and to not in keys.keys:
            stop(f"there is no key {to} in the ring; there is: {', '.join(keys.keys)}")
        waiting = left(gateway.database, keys)
        if settings.keys is not None:
            if to not in (None, keys.current):
                stop(f"the ring comes from CROSSDOCK_KEYS: put {to} first there, restart the servers, and run this")
        elif to != keys.current and (to is not None or not waiting):
            keys = _promoted(_file(settings), keys, to)
        elif waiting:
            console().print(f"going on: {waiting} values are to be sealed with {keys.current}")
        gateway.database.write(lambda session: register_key(session, keys, gateway.clock.now()))
        # Servers take up the new key within this time; what they seal before, the rotation seals anew.
        time.sleep(FOLLOW_SECONDS + 0.5)
        with bar(f"seal with {keys.current}", "values") as done:
            rotated = rotate(gateway.database, keys, done)
        record(gateway, "keys_rotated", key=keys.current, values=rotated.values, unopenable=len(rotated.unopenable))
        console().print(f"{rotated.values} values were sealed with {keys.current}")
        if rotated.unopenable:
            places = ", ".join(f"{table} {row_id}" for table, row_id in rotated.unopenable[:10])
            stop(f"{len(rotated.unopenable)} values could not be opened and were left as they are: {places}")
        old = [key for key in keys.keys if key != keys.current]
        if old:
            console().print(f"{', '.join(old)}: only opens; `crossdock seal retire` takes a key out for good")


@seal.command()
def retire(key: Annotated[str, typer.Argument(help="The key's id.", show_default=False)], data: Data = None) -> None:
    """Take a key out of the key file for good. Refused while it is still needed."""
    settings = settings_from(data)
    file = _file(settings)
    with opened(settings) as gateway:
        keys = gateway.keys
        if key not in keys.keys:
            stop(f"there is no key {key} in the ring; there is: {', '.join(keys.keys)}")
        if key == keys.current:
            stop(f"{key} seals at present; rotate first")
        with gateway.database.read() as session:
            needed = count(session.connection(), key)
        if needed:
            stop(f"{needed} values are still sealed with {key}; rotate first")

        gateway.database.write(lambda session: forget_key(session, key))
        record(gateway, "key_retired", key=key)
        file.replace(keys.without(key))
    console().print(f"{key} is gone from {file.path}. Backups from its time need it: keep a copy as long as those.")


def _file(settings: Settings) -> KeyFile:
    if settings.keys is not None:
        stop("the ring comes from CROSSDOCK_KEYS, which only you can change")
    return KeyFile(settings.path_of_keys)


def _promoted(file: KeyFile, keys: KeyRing, to: str | None) -> KeyRing:
    ring = keys.promoted(to) if to is not None else keys.rotated(new_key_id())
    file.replace(ring)
    return ring
