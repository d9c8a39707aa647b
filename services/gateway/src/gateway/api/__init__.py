"""The HTTP layer: routes with an OpenAPI description, forms, the documentation page and the built web page."""
