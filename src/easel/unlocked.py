"""`functools.cached_property` without its lock in Python 3.11. The lock costs more than computing many values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

V = TypeVar("V")


class cached_property(Generic[V]):  # noqa: N801 - it takes the place of functools'
    """A property that is computed at its first access, and then stored in the instance's dict. Two threads may compute
    it twice."""

    def __init__(self, compute: Callable[[Any], V]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> cached_property[V]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> V: ...

    def __get__(self, instance: object | None, owner: type) -> cached_property[V] | V:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._compute(instance)
        return value
