"""The HTTP layer: routes that describe themselves, forms, the documentation page and the built page."""
