"""What a journey did, told as it happens: numbered steps, and under each what was asked, answered and checked."""

from collections.abc import Callable
from typing import TypeVar

from rich.console import Console
from rich.markup import escape

T = TypeVar("T")


class StepFailed(Exception):
    """A step did not do what it should."""


class Transcript:
    def __init__(self, console: Console) -> None:
        self.console = console
        self.steps = 0
        self.checks = 0

    def step(self, title: str) -> None:
        self.steps += 1
        self.console.print(f"\n[bold]{self.steps:2d}. {escape(title)}[/bold]")

    def tell(self, text: str) -> None:
        self.console.print(f"    [dim]{escape(text)}[/dim]", soft_wrap=True)

    def check(self, what: str, holds: bool, found: object = None) -> None:
        """Raises StepFailed when it does not hold, with what was found instead."""
        self.checks += 1
        if holds:
            self.console.print(f"    [green]ok[/green] {escape(what)}", soft_wrap=True)
            return
        self.console.print(f"    [red]NOT[/red] {escape(what)}; found: {escape(str(found))}", soft_wrap=True)
        raise StepFailed(f"step {self.steps}: {what}; found: {found}")

    def equal(self, what: str, found: T, expected: T) -> None:
        self.check(f"{what}: {expected}", found == expected, found)

    def there(self, what: str, found: T | None, show: Callable[[T], object] = str) -> T:
        """The thing itself, which must be there."""
        if found is None:
            self.check(what, holds=False, found="nothing")
            raise StepFailed(what)
        self.check(f"{what}: {show(found)}", holds=True)
        return found
