#!/usr/bin/env bash
# Every check and test, in the order in which a mistake is found soonest.
set -euo pipefail

step() { printf '\n==> %s\n' "$*"; }

step "What tests need besides"
scripts/deps.sh --tests || echo "some tests will be skipped, and say why"

step "Format"
cargo fmt --all --check

step "Lints"
cargo clippy --locked --workspace --all-targets --all-features -- -D warnings

step "Each library alone, with its default, no and all features"
make --no-print-directory features

step "Dependencies"
if command -v cargo-deny >/dev/null 2>&1; then
    cargo deny --offline check bans licenses sources
else
    echo "skipped: cargo-deny is not installed (cargo install cargo-deny); the tidy tests check the direction"
fi

# Tests use what the server hands out to workspaces.
step "The static agent"
make --no-print-directory agent

step "Tests"
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --locked --workspace --all-features
else
    echo "cargo-nextest is not installed, using cargo test (cargo install cargo-nextest is faster)"
    cargo test --locked --workspace --all-features --lib --bins --tests --examples
fi

step "Documentation and its examples"
make --no-print-directory doc
