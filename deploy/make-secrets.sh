#!/bin/sh
# Makes the secrets of docker-compose.yml, a file each: make-secrets.sh [FOLDER]. What is there already stays.
set -eu
umask 077

folder=${1:-secrets}
mkdir -p "$folder/cameras" "$folder/forwarders"

random() { # BYTES: that many random bytes in base64
    head -c "$1" /dev/urandom | base64 | tr -d '\n'
}

for name in redis_ingest redis_worker redis_api redis_jobs redis_operator grafana; do
    [ -s "$folder/$name" ] || random 33 >"$folder/$name"
done
# Exactly 32 bytes: it is a key, not a password.
[ -s "$folder/seal_key" ] || random 32 >"$folder/seal_key"
# The folder lets nobody else in; in their containers the services, which are other users, must read their files.
chmod 755 "$folder/cameras" "$folder/forwarders"
find "$folder" -type f -exec chmod 444 {} +
echo "The secrets are in $folder. Passwords of cameras: files in $folder/cameras, each named as moodline.yaml names it."
