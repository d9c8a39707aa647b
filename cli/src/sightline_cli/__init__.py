"""The `sightline` command: a client of the gateway's API. It imports nothing of the services."""
