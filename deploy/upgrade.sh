#!/usr/bin/env bash
# Replaces one service after the other, so that searches go on:
#   git pull && docker compose build && deploy/upgrade.sh
# A plain `docker compose up -d` stops all that changes before it starts any of it: a gateway would finish its searches
# without an encoder.
set -euo pipefail

# The gateway last of those that it asks: a new one may ask for what an old one does not know.
for service in search encoder gateway worker page; do
    docker compose up -d --no-deps --wait "$service"
done
# What is left: Redis, services of other files, and the edge where its configuration has changed.
docker compose up -d
