"""The gateway of the unit tests, as the server of the command line."""

from tests.unit.gateway.conftest import make_stack, stack

__all__ = ["make_stack", "stack"]
