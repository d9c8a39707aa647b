"""Clients of the services behind the gateway, Redis among them, and the state of the collection."""
