#!/bin/sh
# Run a command with podman in Docker's place, on a socket of its own.
set -eu
folder=$(mktemp -d)
export DOCKER_HOST="unix://$folder/podman.sock"
CONTAINERS_CONF=$(realpath "$(dirname "$0")/containers.conf") podman system service --time 0 "$DOCKER_HOST" &
service=$!
trap 'kill $service; rm -r "$folder"' EXIT
until [ -S "$folder/podman.sock" ]; do sleep 0.1; done
"$@"
