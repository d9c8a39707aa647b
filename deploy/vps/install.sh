#!/usr/bin/env bash
# Sightline without Docker, on a Debian server with HTTPS: services under systemd, Redis and Caddy from Debian.
#   git clone URL /opt/sightline && /opt/sightline/deploy/vps/install.sh photos.example.org
# It may be run again, after an update or a change: it tells what it changes, and nothing is changed twice.
# TLS=internal: Caddy signs the certificate itself, for a name that the internet does not know.
set -euo pipefail

site=/opt/sightline
here=$site/deploy/vps
data=/var/lib/sightline
domain=${1:-}

stop() {
    echo "$1" >&2
    exit 1
}

changed=0
tell() {
    echo "$1"
    changed=1
}

# Write what comes from stdin to a file, if that is different: place MODE.
place() {
    local new
    new=$(mktemp)
    cat >"$new"
    if ! cmp -s "$new" "$1"; then
        install -D -m "$2" "$new" "$1"
        tell "wrote $1"
    fi
    rm "$new"
}

[ "$(id -u)" = 0 ] || stop "install.sh changes the system: run it as root"
[[ $domain =~ ^[A-Za-z0-9.-]+$ ]] || stop "usage: install.sh DOMAIN, the name of this machine such as photos.example.org"
[ -f "$site/deploy/vps/install.sh" ] || stop "Sightline is expected in $site: git clone it there"
[ -f /etc/debian_version ] || stop "this script knows Debian; the units in $here/systemd serve elsewhere as well"

missing=()
for package in caddy curl make python3 python3-venv redis-server unattended-upgrades; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    tell "installed ${missing[*]}"
fi

if ! id sightline >/dev/null 2>&1; then
    useradd --system --home-dir $data --shell /usr/sbin/nologin sightline
    tell "made the user sightline"
fi
[ -d /var/backups/sightline ] || tell "made /var/backups/sightline"
install -d -m 750 -o sightline -g sightline /var/backups/sightline

# What was pulled since the last run is installed, and the services are started anew.
if ! make -q -C $site .venv/ready PYTHON=/usr/bin/python3; then
    make -s -C $site .venv/ready PYTHON=/usr/bin/python3
    tell "installed the services into $site/.venv"
fi
if [ ! -f $site/frontend/dist/index.html ]; then
    command -v npm >/dev/null || stop "the page has to be built, by Node.js 20.19 or newer (Debian 13: apt install nodejs npm); or copy frontend/dist from where it was built, and run this again"
    make -s -C $site frontend/dist/index.html
    tell "built the page"
fi
before=$(cat $site/var/bundle/manifest.json 2>/dev/null || true)
(cd $site && .venv/bin/python -m encoder.bundle)
[ "$before" = "$(cat $site/var/bundle/manifest.json)" ] || tell "composed the model"

if [ ! -f /etc/sightline/sightline.env ]; then
    place /etc/sightline/sightline.env 644 <<SETTINGS
# Settings of all services; $site/.env.example says which there are.
GATEWAY_PUBLISH=$domain:443
GATEWAY_TRUSTED_PROXIES=1
SETTINGS
fi
for unit in "$here"/systemd/sightline*.*; do
    name=$(basename "$unit")
    [ -d "$unit" ] || place "/etc/systemd/system/$name" 644 <"$unit"
done
place /etc/systemd/system/sightline-.service.d/closed.conf 644 <"$here/systemd/sightline-.service.d/closed.conf"
place /etc/caddy/Caddyfile 644 < <(sed -e "s/^DOMAIN/$domain/" -e "s/^\tTLS$/\t${TLS:+tls $TLS}/" "$here/Caddyfile")

revision=$(cd $site && { git rev-parse HEAD 2>/dev/null || cksum constraints.txt; })
place /etc/sightline/installed 644 <<<"$revision"

units=(sightline.target sightline-encoder sightline-search sightline-gateway sightline-worker sightline-backup.timer caddy redis-server)
if [ $changed = 1 ]; then
    systemctl daemon-reload
    systemctl enable -q "${units[@]}"
    systemctl restart "${units[@]}"
    echo "started everything"
fi

for _ in $(seq 120); do
    [ "$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8081/readyz)" = 200 ] && break
    sleep 0.5
done
keys() {
    runuser -u sightline -- $site/.venv/bin/sightline keys --state $data/gateway.sqlite "$@"
}
if [ "$(keys list | wc -l)" = 0 ]; then
    tell "made the first key, which is shown once:"
    keys create admin --scope admin
fi
if [ $changed = 0 ]; then echo "nothing to change"; else echo "https://$domain asks for a key"; fi
