#!/bin/sh
# Fetches the workspace agent and becomes it. Everything is shown, failures end the script.
set -eux

# A failed start is left for inspection for a day before the machine's own rules apply.
keep_for_inspection() {
	status=$?
	if [ "$status" -ne 0 ]; then
		set +x
		echo "The workspace agent did not start (status $status). Waiting 24 hours, so that this machine can be inspected." >&2
		sleep 86400
	fi
}
trap keep_for_inspection EXIT

BINARY_URL='${ACCESS_URL}bin/coder-linux-${ARCH}'
BINARY_DIR="${BINARY_DIR:-$(mktemp -d -t coder.XXXXXX)}"
BINARY_FILE="$BINARY_DIR/coder"

cd "$BINARY_DIR"

fetch() {
	if command -v curl >/dev/null 2>&1; then
		curl -fsSL --compressed "$1" -o "$2"
	elif command -v wget >/dev/null 2>&1; then
		wget -q "$1" -O "$2"
	elif command -v busybox >/dev/null 2>&1; then
		busybox wget -q "$1" -O "$2"
	else
		echo "Neither curl, wget nor busybox is there to fetch the agent with." >&2
		exit 127
	fi
}

# A damaged download is fetched again. Where there is nothing to check with, what came is taken.
intact() {
	if command -v sha256sum >/dev/null 2>&1; then
		sum=sha256sum
	elif busybox sha256sum </dev/null >/dev/null 2>&1; then
		sum="busybox sha256sum"
	else
		return 0
	fi
	fetch "$BINARY_URL.sha256" "$BINARY_FILE.sha256" || return 0
	expected=
	read -r expected _ <"$BINARY_FILE.sha256" || true
	# Something on the way may answer with a page of its own.
	case "$expected" in *[!0-9a-f]*) return 0 ;; esac
	[ "${#expected}" -eq 64 ] || return 0
	actual="$($sum <"$BINARY_FILE.part")"
	[ "${actual%% *}" = "$expected" ]
}

until fetch "$BINARY_URL" "$BINARY_FILE.part" && intact; do
	echo "Fetching $BINARY_URL failed. Next try in 30 seconds." >&2
	sleep 30
done

chmod +x "$BINARY_FILE.part"
# Renaming replaces a binary that may be running.
mv -f "$BINARY_FILE.part" "$BINARY_FILE"

if [ -n "${USE_CAP_NET_ADMIN:-}" ]; then
	if [ "$(id -u)" -eq 0 ]; then
		setcap CAP_NET_ADMIN=+ep "$BINARY_FILE" || true
	elif sudo -n true 2>/dev/null; then
		sudo -n setcap CAP_NET_ADMIN=+ep "$BINARY_FILE" || true
	else
		echo "The agent does not get CAP_NET_ADMIN: there is no sudo without a password." >&2
	fi
fi

# A sign-in page or an error text saved as a binary is noticed here.
if ! "$BINARY_FILE" --version | head -n1 | grep -q Coder; then
	echo "What $BINARY_URL gave is not a Coder binary." >&2
	exit 2
fi

export CODER_AGENT_AUTH='${AUTH_TYPE}'
export CODER_AGENT_URL='${ACCESS_URL}'

exec "$BINARY_FILE" agent
