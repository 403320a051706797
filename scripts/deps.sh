#!/usr/bin/env bash
# Checks what the build and `make run` need. Missing Debian packages are installed where root or
# password-less sudo allows; otherwise the exact command is named. With --tests also what only tests need, with --bench
# what only benchmarks need.
set -euo pipefail

missing=()
need() { # command, package
    command -v "$1" >/dev/null 2>&1 || missing+=("$2")
}

need cc build-essential
need curl curl
need ssh openssh-client
need setsid util-linux
if [ "${1:-}" = --tests ]; then
    # Tests of gateways, copies and terminals skip what is missing, and say so.
    need nginx nginx-light
    need tinyproxy tinyproxy
    need script bsdutils
    need vi vim-tiny
    need git git
    # In /usr/sbin, which is not on everybody's PATH.
    [ -x /usr/sbin/sshd ] || need sshd openssh-server
    # The real clients that the agent's SSH server is tested with.
    need rsync rsync
    need xauth xauth
    need gpg gnupg
    need perl perl
    need awk mawk
    # The shell of a root directory that is empty otherwise.
    need busybox busybox-static
    # An agent in another language.
    need python3 python3
fi
if [ "${1:-}" = --bench ]; then
    need rsync rsync
fi
need screen screen
if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && ! command -v initdb >/dev/null 2>&1; then
    missing+=(postgresql)
fi

if [ "${#missing[@]}" -gt 0 ]; then
    install="apt-get install --yes --no-install-recommends ${missing[*]}"
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "Missing: ${missing[*]}. Install them with your system's package manager." >&2
        exit 1
    fi
    if [ "$(id -u)" = 0 ]; then
        sudo=()
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        sudo=(sudo)
    else
        echo "Missing: ${missing[*]}. Install them with:" >&2
        echo "    sudo apt-get update && sudo $install" >&2
        exit 1
    fi
    echo "Installing: ${missing[*]}"
    # The server's own PostgreSQL is started privately: Debian's system-wide one is not wanted.
    if [[ " ${missing[*]} " == *" postgresql "* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        "${sudo[@]}" mkdir -p /etc/postgresql-common
        echo "create_main_cluster = false" | "${sudo[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    # Nor are Debian's services of what only tests start.
    policy=/usr/sbin/policy-rc.d
    if [ "${1:-}" = --tests ] && [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
        "${sudo[@]}" chmod 755 "$policy"
        trap '"${sudo[@]}" rm -f "$policy"' EXIT
    fi
    "${sudo[@]}" apt-get update -qq
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive $install -qq -o Dpkg::Options::=--force-confold >/dev/null
fi

if ! command -v cargo >/dev/null 2>&1; then
    echo "Rust is missing. Install rustup (https://rustup.rs), then run this again." >&2
    exit 1
fi
if ! command -v terraform >/dev/null 2>&1; then
    version=1.15.5
    archive=terraform_${version}_linux_$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/').zip
    if [ "${1:-}" != --tests ]; then
        echo "Terraform is not on PATH: the server fetches $version when it starts (coder server --help, --terraform-*)."
        exit 0
    fi
    echo "Terraform is missing: the tests need one from 1.1 to 1.15 on PATH, for example with:" >&2
    echo "    curl -fLO https://releases.hashicorp.com/terraform/$version/$archive" >&2
    echo "    sudo unzip -o $archive terraform -d /usr/local/bin" >&2
    exit 1
fi
