#!/bin/sh
# Starts the server with the users of users.acl. The password of a user is the file redis_USER among the container's
# secrets, and only its hash gets any further: no command line and no environment shows it.
set -eu

users=/etc/valkey/users.acl
set --
for user in $(sed -n 's/^user \([a-z]*\) on #SHA256_OF.*/\1/p' "$users"); do
    file=/run/secrets/redis_$user
    [ -s "$file" ] || {
        echo "The file $file, the password of the user $user, is missing or empty: make secrets makes it." >&2
        exit 2
    }
    hash=$(tr -d '\r\n' <"$file" | sha256sum | cut -d ' ' -f 1)
    name=$(echo "$user" | tr '[:lower:]' '[:upper:]')
    set -- "$@" -e "s/SHA256_OF_${name}_PASSWORD/$hash/"
done
exec valkey-server /etc/valkey/redis.conf - <<END
$(sed "$@" "$users")
END
