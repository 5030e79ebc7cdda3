"""How the services change moto: `@override(Class)` above a function of a method's name.

    @override(SubnetBackend)
    def delete_subnet(moto, self, subnet_id):
        ...                               # what AWS checks first
        return moto(self, subnet_id)      # then what moto does

The function's first argument is moto's own method. A property is overridden in the same way.
`@add(Class)` is for a method that moto does not have, and `@derive(Class)` for an attribute that
follows from others, whatever moto assigns to it.
"""

import functools
from collections.abc import Callable
from typing import Any


def override(cls: type, name: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Put the function below in the place of the method or property of its name, or of `name`."""

    def put(function: Callable[..., Any]) -> Callable[..., Any]:
        method_name = name or function.__name__
        moto: Any = getattr(cls, method_name)  # an AttributeError here: moto has renamed it
        if isinstance(moto, property):
            getter = moto.fget
            setattr(cls, method_name, property(lambda self: function(getter, self), moto.fset))
            return function

        @functools.wraps(moto)
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            return function(moto, self, *args, **kwargs)

        setattr(cls, method_name, method)
        return function

    return put


def add(cls: type, name: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make the function below a method that moto does not have."""

    def put(function: Callable[..., Any]) -> Callable[..., Any]:
        method_name = name or function.__name__
        if hasattr(cls, method_name):
            raise AttributeError(f"moto has {cls.__name__}.{method_name} now; override it")
        setattr(cls, method_name, function)
        return function

    return put


def derive(cls: type, name: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make the function below the value of an attribute; what moto assigns to it is ignored."""

    def put(function: Callable[..., Any]) -> Callable[..., Any]:
        setattr(cls, name or function.__name__, property(function, lambda self, value: None))
        return function

    return put
