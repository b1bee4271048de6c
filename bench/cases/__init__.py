"""The benchmark cases, one module each; every module here with a ``CASE`` is one."""

import pkgutil
from importlib import import_module

from bench.case import Case


def all_cases() -> list[Case]:
    """Return the cases in the order in which they are shown."""
    modules = (import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    return sorted((module.CASE for module in modules), key=lambda case: case.order)
