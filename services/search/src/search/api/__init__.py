"""The HTTP layer: routes and the bodies of their requests."""
