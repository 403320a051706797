#!/usr/bin/env bash
# Measures build overhead, SSH latency, memory and sizes, each beside a peer in the same run, and prints a table.
# Everything happens in a temporary folder and is removed again.
set -euo pipefail

coder=$(realpath "$1")
builds=${BENCH_BUILDS:-7}
connections=${BENCH_CONNECTIONS:-20}
here=$PWD
work=$(mktemp -d -t coder-bench-XXXXXX)
export HOME="$work/home" CODER_CONFIG_DIR="$work/config" CODER_CACHE_DIRECTORY="$work/cache"
mkdir -p "$HOME"
unset CODER_URL CODER_SESSION_TOKEN TF_CLI_CONFIG_FILE
port=$((20000 + RANDOM % 20000))
url="http://127.0.0.1:$port"
server= sshd=
stop() {
    trap '' INT TERM
    "$coder" delete dev --yes >/dev/null 2>&1 || true
    for pid in $server $sshd; do kill -TERM "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap stop EXIT

now() { date +%s%N; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
timed() { # milliseconds of a command, its output kept for failures
    local begin end
    begin=$(now)
    "$@" >"$work/last.log" 2>&1 || { cat "$work/last.log" >&2; echo "failed: $*" >&2; return 1; }
    end=$(now)
    echo $(((end - begin) / 100000)) | awk '{ printf "%.1f\n", $1 / 10 }'
}
rss() { awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
megabytes() { stat -Lc %s "$1" | awk '{ printf "%.1f", $1 / 1048576 }'; }

"$coder" server --http-address "127.0.0.1:$port" --access-url "$url" >"$work/server.log" 2>&1 &
server=$!
for _ in $(seq 600); do curl -fsS -o /dev/null "$url/healthz" 2>/dev/null && break; sleep 0.1; done
CODER_FIRST_USER_EMAIL=a@example.com CODER_FIRST_USER_USERNAME=admin \
    CODER_FIRST_USER_PASSWORD=correct-horse-battery "$coder" login "$url" 2>/dev/null
"$coder" templates push local --directory examples/templates/local --yes 2>/dev/null
"$coder" create dev --template local --yes 2>/dev/null
"$coder" ssh --wait yes dev true

# Builds: ours, then the same files by hand with the same provider.
for _ in $(seq "$builds"); do
    "$coder" stop dev --yes 2>/dev/null
    timed "$coder" start dev --yes
done | median >"$work/ours"
mkdir -p "$work/mirror/registry.terraform.io/coder/coder/2.99.0/linux_amd64"
provider=$(find "$CODER_CACHE_DIRECTORY" -name 'terraform-provider-coder*' | head -n 1)
ln -s "$(realpath "$provider")" \
    "$work/mirror/registry.terraform.io/coder/coder/2.99.0/linux_amd64/terraform-provider-coder"
printf 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' "$work/mirror" >"$work/terraformrc"
by_hand() {
    rm -rf "$work/hand" && mkdir "$work/hand" && cp "$here"/examples/templates/local/main.tf "$work/hand" && cd "$work/hand"
    [ ! -e "$work/hand.tfstate" ] || cp "$work/hand.tfstate" terraform.tfstate
    terraform init -input=false -no-color && terraform plan -input=false -no-color -out=plan &&
        terraform apply -input=false -no-color plan && cp terraform.tfstate "$work/hand.tfstate"
}
(
    export TF_CLI_CONFIG_FILE="$work/terraformrc" CODER_WORKSPACE_NAME=hand CODER_WORKSPACE_OWNER=bench
    export CODER_AGENT_SCRIPT_linux_amd64='sleep 600' CODER_AGENT_URL="$url"
    for _ in $(seq "$builds"); do
        CODER_WORKSPACE_TRANSITION=stop by_hand >/dev/null 2>&1
        CODER_WORKSPACE_TRANSITION=start timed by_hand
    done | median >"$work/hand_ms"
    cd "$work/hand" && CODER_WORKSPACE_TRANSITION=start terraform destroy -auto-approve -input=false >/dev/null 2>&1
)

# SSH: through the server, then an sshd on this machine with the same client, shell, key exchange and cipher:
# OpenSSH's first choice of key exchange alone costs more than all the rest.
"$coder" config-ssh --yes --ssh-config-file "$work/ssh_config" 2>/dev/null
for _ in $(seq "$connections"); do timed ssh -F "$work/ssh_config" coder.dev true; done | median >"$work/ssh_ours"
daemon=$(command -v sshd || echo /usr/sbin/sshd)
if [ -x "$daemon" ]; then
    ssh-keygen -q -t ed25519 -N '' -f "$work/host_key"
    ssh-keygen -q -t ed25519 -N '' -f "$work/user_key"
    sshd_port=$((port + 1))
    mkdir -p /run/sshd 2>/dev/null || true
    cat >"$work/sshd_config" <<CONFIG
Port $sshd_port
ListenAddress 127.0.0.1
HostKey $work/host_key
AuthorizedKeysFile $work/user_key.pub
StrictModes no
UsePAM no
PermitRootLogin yes
PidFile none
# The same home as the workspace's: shells begin with the files that are there.
SetEnv HOME=$HOME
CONFIG
    "$daemon" -D -f "$work/sshd_config" -E "$work/sshd.log" &
    sshd=$!
    for _ in $(seq 50); do (: >"/dev/tcp/127.0.0.1/$sshd_port") 2>/dev/null && break; sleep 0.1; done
    for _ in $(seq "$connections"); do
        timed ssh -F /dev/null -p "$sshd_port" -i "$work/user_key" -o IdentitiesOnly=yes -o LogLevel=ERROR \
            -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o KexAlgorithms=curve25519-sha256 \
            -c aes256-gcm@openssh.com 127.0.0.1 true
    done | median >"$work/ssh_peer"
else
    echo "skipped the comparison with sshd: install it with: apt-get install openssh-server" >&2
    echo nan >"$work/ssh_peer"
fi

agent=$(pgrep -f "coder[^ ]* agent" | head -n 1)
sleep 5
ours=$(cat "$work/ours") hand=$(cat "$work/hand_ms") ssh_ours=$(cat "$work/ssh_ours") ssh_peer=$(cat "$work/ssh_peer")
cat <<TABLE
| what | ours | peer | ratio |
|---|---|---|---|
| \`start\` of the local template, median of $builds, ms (peer: terraform init, plan, apply by hand) | $ours | $hand | $(ratio "$ours" "$hand") |
| \`ssh host true\`, new connection, median of $connections, ms (peer: sshd on this machine, with a key) | $ssh_ours | $ssh_peer | $(ratio "$ssh_ours" "$ssh_peer") |
| server, idle, RSS in MB without PostgreSQL (limit 100) | $(rss "$server") | 100 | $(ratio "$(rss "$server")" 100) |
| agent, idle, RSS in MB (limit 15) | $(rss "$agent") | 15 | $(ratio "$(rss "$agent")" 15) |
| \`coder\` binary, MB | $(megabytes "$coder") | | |
| agent binary, MB | $(megabytes "/proc/$agent/exe") | | |
| provider binary, MB | $(megabytes "$provider") | | |
TABLE
