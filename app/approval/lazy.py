"""A property that is worked out once: `functools.cached_property` without the lock that it takes up to Python 3.11.

Two threads may both work it out; what is lazy here is the same each time."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801 - it is written as a decorator
    def __init__(self, work: Callable[[Any], T]) -> None:
        self.work = work
        self.name = work.__name__
        self.__doc__ = work.__doc__

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> "lazy[T]": ...

    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T: ...

    def __get__(self, instance: object | None, owner: type | None = None) -> "lazy[T] | T":
        if instance is None:
            return self
        value = self.work(instance)
        instance.__dict__[self.name] = value
        return value
