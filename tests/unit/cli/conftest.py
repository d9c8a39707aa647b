"""The gateway of the unit tests, as what the command line talks to."""

from tests.unit.gateway.conftest import make_stack, stack

__all__ = ["make_stack", "stack"]
