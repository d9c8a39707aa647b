"""The `sightline` command: a client of the gateway's HTTP API. It imports no code of the services."""
