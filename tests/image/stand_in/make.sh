#!/bin/sh
# Make the base images' stand-ins: localhost/maskdrop-stand-in:lambda and :server. Needs root.
set -eu
cd "$(dirname "$0")/../../.."
context=build/stand-in
rootfs=$context/rootfs
mkdir -p "$context"

if [ ! -e "$context/.debian" ]; then
    rm -rf "$rootfs"
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-pip,python3-venv \
        trixie "$rootfs"
    rm -rf "$rootfs"/var/cache/apt/archives/*.deb "$rootfs"/var/lib/apt/lists/*
    touch "$context/.debian"
fi

# A network with its own authority is trusted in the image as it is on this machine.
cp /etc/ssl/certs/ca-certificates.crt "$rootfs/etc/ssl/certs/"
case $(uname -m) in aarch64) machine=arm64 ;; *) machine=x86_64 ;; esac
emulators=$(.venv/bin/python -c 'import samcli; print(samcli.__path__[0])')/local/rapid
cp "$emulators/aws-lambda-rie-$machine" "$context/aws-lambda-rie"
cp tests/image/stand_in/lambda-entrypoint.sh "$context/"
# Of the lock, the runtime's client and what it needs.
awk '/^(awslambdaric|simplejson|snapshot-restore-py)==/ { ours = 1 }
    ours { print }
    !/\\$/ { ours = 0 }' requirements/dev.txt > "$context/requirements.txt"

for target in lambda server; do
    buildah build --layers --pull=never --isolation chroot --target "$target" \
        --file tests/image/stand_in/Containerfile \
        --tag "localhost/maskdrop-stand-in:$target" "$context"
done
