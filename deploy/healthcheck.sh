#!/usr/bin/env bash
# Whether the service at a port of this container is ready: healthcheck PORT.
# Not Python: its start takes a tenth of a second of processor time, and each container is asked all the time.
set -euo pipefail

exec 3<>"/dev/tcp/127.0.0.1/$1"
# A gateway takes HTTP/1.0 for a proxy's, and asks for a key.
printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r _ status _ <&3
[ "$status" = 200 ]
