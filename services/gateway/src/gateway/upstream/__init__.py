"""Clients of the services behind the gateway, and the state of the collection as they tell it."""
