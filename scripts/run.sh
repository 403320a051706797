#!/usr/bin/env bash
# Starts a server with a template and a workspace, prints how to reach it, and stops everything on Ctrl-C.
# All data is kept in .dev, so that a second run finds the same users, templates and workspaces.
set -euo pipefail

coder=$(realpath "$1")
dev=${CODER_DEV_DIR:-$PWD/.dev}
address=${CODER_HTTP_ADDRESS:-127.0.0.1:3000}
url="http://$address"
email=admin@example.com
mkdir -p "$dev"
chmod 700 "$dev"
export CODER_CONFIG_DIR="$dev/config"
unset CODER_URL CODER_SESSION_TOKEN

server=
stopping=
stop() {
    [ -z "$stopping" ] || return 0
    stopping=1
    trap '' INT TERM HUP
    if [ -n "$server" ] && kill -0 "$server" 2>/dev/null; then
        echo "Stopping the workspace and the server…"
        timeout 60 "$coder" stop dev --yes >/dev/null 2>>"$dev/run.log" || true
        kill -TERM "$server" 2>/dev/null || true
        for _ in $(seq 300); do
            kill -0 "$server" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$server" 2>/dev/null || true
    fi
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

if curl -fsS --max-time 2 -o /dev/null "$url/healthz" 2>/dev/null; then
    echo "Something already listens on $url. Stop it, or set CODER_HTTP_ADDRESS to another address." >&2
    exit 1
fi

# In a session of its own: Ctrl-C is for this script, which then stops the workspace first.
setsid "$coder" server --http-address "$address" --access-url "$url" >"$dev/server.log" 2>&1 &
server=$!
for _ in $(seq 600); do
    curl -fsS --max-time 2 -o /dev/null "$url/healthz" 2>/dev/null && break
    if ! kill -0 "$server" 2>/dev/null; then
        echo "The server did not start; its log:" >&2
        tail -n 20 "$dev/server.log" >&2
        server=
        exit 1
    fi
    sleep 0.1
done

# One JSON field of standard input, without needing more than sed.
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

if [ "$(curl -s -o /dev/null -w '%{http_code}' "$url/api/v2/users/first")" = 404 ]; then
    password=$(head -c 18 /dev/urandom | base64 | tr '+/' '-_')
    (umask 077 && printf '%s' "$password" >"$dev/password")
    CODER_FIRST_USER_EMAIL=$email CODER_FIRST_USER_USERNAME=admin CODER_FIRST_USER_PASSWORD=$password \
        "$coder" login "$url"
    first=1
elif ! "$coder" whoami >/dev/null 2>&1; then
    # The session of the last run has ended: sign in again with the kept password.
    token=$(printf '{"email":"%s","password":"%s"}' "$email" "$(cat "$dev/password")" |
        curl -fsS -H 'Content-Type: application/json' --data-binary @- "$url/api/v2/users/login" | field session_token)
    CODER_SESSION_TOKEN=$token "$coder" login "$url" --use-token-as-session
fi

if ! "$coder" templates versions list local >/dev/null 2>&1; then
    "$coder" templates push local --directory examples/templates/local --yes
fi
if "$coder" show dev >/dev/null 2>&1; then
    "$coder" start dev --yes
else
    "$coder" create dev --template local --yes
fi
echo "Waiting for the agent…"
"$coder" ssh --wait yes dev true

echo
echo "The server is at $url"
[ -z "${first:-}" ] || echo "Sign in as $email with the password $password (also kept in $dev/password)"
"$coder" config-ssh --yes --ssh-config-file "$dev/ssh_config" 2>/dev/null
echo "The workspace:   ssh -F $dev/ssh_config coder.dev"
echo "The command:     CODER_CONFIG_DIR=$CODER_CONFIG_DIR $coder list"
echo "Press Ctrl-C to stop."
while kill -0 "$server" 2>/dev/null; do
    sleep 1 &
    wait $! || true
done
echo "The server has ended; its log is $dev/server.log" >&2
exit 1
