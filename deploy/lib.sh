# shellcheck shell=bash disable=SC2034
# Shell pieces shared by deploy/quickstart and tests/run: messages, packages, builds.  Sourced with bash, after
# `set -euo pipefail`; defines ROOT, the checkout.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# Debian packages by purpose.  `a|b` is the first that this release has; `tool>=N:pkg` is satisfied by a new enough tool
# on PATH, whoever installed it.  Debian 12's plain libboost-dev is 1.74, hence the versioned name first.
PACKAGES_BUILD=(
    "g++>=12:g++" "cmake>=3.25:cmake" ninja-build ccache pkg-config ca-certificates curl
    "libboost1.81-dev|libboost-dev" libssl-dev libyaml-cpp-dev libspdlog-dev libsimdjson-dev prometheus-cpp-dev
    libnghttp2-dev libsqlite3-dev zlib1g-dev libbrotli-dev libzstd-dev
)
PACKAGES_FORMAT=(clang-format-14)
PACKAGES_LINT=("python3>=3.9:python3")
PACKAGES_UNIT=(catch2)
PACKAGES_INTEGRATION=("python3>=3.9:python3" "node>=18:nodejs" "npm>=8:npm" "openssl>=3:openssl" nginx haproxy sqlite3 curl nghttp2-client prometheus)
PACKAGES_FUZZ=(clang-19 libclang-rt-19-dev)
PACKAGES_BENCH=(libbenchmark-dev)
PACKAGES_TIDY=(clang-19 clang-tidy-19)

say() { printf '%s\n' "$*"; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# as_root CMD...: runs CMD with the rights to install packages.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "installing packages needs root: run this as root, or install sudo"
    fi
}

# tool_version TOOL: the version that TOOL prints; empty when it is not on PATH.
tool_version() {
    command -v "$1" >/dev/null || return 0
    local text
    case $1 in
    openssl) text=$("$1" version 2>/dev/null || true) ;;
    g++) text=$("$1" -dumpfullversion 2>/dev/null || true) ;;
    *) text=$("$1" --version 2>/dev/null || true) ;;
    esac
    if [[ $text =~ ([0-9]+(\.[0-9]+)*) ]]; then
        printf '%s' "${BASH_REMATCH[1]}"
    fi
}

# version_at_least HAVE WANT
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# is_satisfied SPEC: SPEC as in the PACKAGES_ lists.
is_satisfied() {
    local name
    if [[ $1 =~ ^(.+)\>=([0-9.]+):(.+)$ ]]; then
        local want=${BASH_REMATCH[2]} have
        have=$(tool_version "${BASH_REMATCH[1]}")
        [ -n "$have" ] && version_at_least "$have" "$want"
        return
    fi
    for name in ${1//|/ }; do
        is_installed "$name" && return 0
    done
    return 1
}

# package_of SPEC: what to ask apt for.
package_of() {
    local names=${1##*:} name candidate
    for name in ${names//|/ }; do
        candidate=$(apt-cache policy "$name" 2>/dev/null | sed -n 's/^  Candidate: //p')
        if [ -n "$candidate" ] && [ "$candidate" != "(none)" ]; then
            printf '%s' "$name"
            return
        fi
    done
    die "this Debian release has none of: ${names//|/, }"
}

# ensure_packages SPEC...: installs what is missing, and only that; silent when nothing is.
ensure_packages() {
    local spec name missing=() wanted=()
    for spec in "$@"; do
        is_satisfied "$spec" || missing+=("$spec")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        die "apt-get not found: this script is for Debian 12 and 13; elsewhere install: ${missing[*]##*:}"
    say "installing what is missing with apt"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 update ||
        die "apt-get update failed; is the package mirror reachable?"
    for spec in "${missing[@]}"; do
        name=$(package_of "$spec")
        wanted+=("$name")
    done
    say "installing: ${wanted[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 \
        install --no-install-recommends "${wanted[@]}" >/dev/null ||
        die "apt-get could not install: ${wanted[*]}"
}

# check_compiler: std::expected and coroutines need g++ 12.
check_compiler() {
    local compiler=${CXX:-g++} version
    command -v "$compiler" >/dev/null || die "no C++ compiler: $compiler is not on PATH"
    version=$("$compiler" -dumpversion 2>/dev/null || true)
    version_at_least "${version:-0}" 12 ||
        die "$compiler is version ${version:-unknown}, but 12 or newer is needed (CXX=... selects another compiler)"
}

# use_ccache: fresh clones in other folders hit the same cache, and the cache stays bounded.
use_ccache() {
    export CCACHE_BASEDIR=$ROOT CCACHE_NOHASHDIR=1
    export CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-5G}
    export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros}
}

# build_preset PRESET TARGETS -- CMAKE_ARGS: configures build/PRESET and builds the targets.
build_preset() {
    local preset=$1 targets=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        targets+=("$1")
        shift
    done
    [ $# -eq 0 ] || shift
    cmake -S "$ROOT" --preset "$preset" "$@" >"$ROOT/build/$preset.configure.log" 2>&1 || {
        tail -n 40 "$ROOT/build/$preset.configure.log" >&2
        return 1
    }
    ninja -C "$ROOT/build/$preset" -j "$(nproc)" "${targets[@]}"
}
