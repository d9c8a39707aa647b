"""The commands of `sightline`, and what they share: a client of the gateway's API."""
