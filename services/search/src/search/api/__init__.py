"""The HTTP layer: routes, request schemas and pagination cursors."""
