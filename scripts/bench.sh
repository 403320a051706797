#!/usr/bin/env bash
# Measures build overhead, beside a peer in the same run, and sizes, and prints a table.
# Everything happens in a temporary folder and is removed again.
set -euo pipefail

coder=$(realpath "$1")
builds=${BENCH_BUILDS:-7}
here=$PWD
work=$(mktemp -d -t coder-bench-XXXXXX)
export HOME="$work/home" CODER_CONFIG_DIR="$work/config" CODER_CACHE_DIRECTORY="$work/cache"
mkdir -p "$HOME"
unset CODER_URL CODER_SESSION_TOKEN TF_CLI_CONFIG_FILE
port=$((20000 + RANDOM % 20000))
url="http://127.0.0.1:$port"
server=
stop() {
    trap '' INT TERM
    "$coder" delete dev --yes >/dev/null 2>&1 || true
    kill -TERM "$server" 2>/dev/null && wait "$server" 2>/dev/null || true
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

agent=$(pgrep -f "coder[^ ]* agent" | head -n 1)
ours=$(cat "$work/ours") hand=$(cat "$work/hand_ms")
cat <<TABLE
| what | ours | peer | ratio |
|---|---|---|---|
| \`start\` of the local template, median of $builds, ms (peer: terraform init, plan, apply by hand) | $ours | $hand | $(ratio "$ours" "$hand") |
| \`coder\` binary, MB | $(megabytes "$coder") | | |
| agent binary, MB | $(megabytes "/proc/$agent/exe") | | |
| provider binary, MB | $(megabytes "$provider") | | |
TABLE
