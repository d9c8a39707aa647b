"""Commands that need the gateway's own code. The package sightline-cli finds them by entry point."""
