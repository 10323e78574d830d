# shellcheck shell=bash
# common.sh - what the root commands share
#
# Usage: set -euo pipefail; . "$(dirname "$0")/build-aux/common.sh"
#
# Variables:
#   LDF_TOP       the top of this project's tree
#   LDF_BUILD     the build directory (build/ there, unless it is set already)
#   LDF_JOBS      how many jobs run at once (the number of processors, unless set)
#
# Functions:
#   ldf_say TEXT...        tell on standard error what is being done
#   ldf_die TEXT...        tell what went wrong and exit 1
#   ldf_require_packages   install with apt-get what build-aux/dependencies
#                          names and the machine lacks; else touch nothing
#   ldf_configure          packages, bootstrap and configure, where they are stale
#   ldf_make TARGET...     ldf_configure, then make in the build directory
#   ldf_build [patched|stock|fuzzer|sanitized]...
#                          have these trees built (patched when none is named)
#                          and set the paths of each:
#       LDF_TREE LDF_LIBVIRTD LDF_VIRSH                    for patched
#       LDF_STOCK_TREE LDF_STOCK_LIBVIRTD LDF_STOCK_VIRSH  for stock
#   ldf_paths              set those paths without building

LDF_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
LDF_BUILD=$(realpath -m "${LDF_BUILD:-$LDF_TOP/build}")
LDF_JOBS=${LDF_JOBS:-$(nproc)}

ldf_say() {
    printf '==> %s\n' "$*" >&2
}

ldf_die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Runs a command whose output matters only when it fails.
ldf_quietly() {
    local log=$1
    shift
    mkdir -p "$(dirname "$log")"
    "$@" >"$log" 2>&1 </dev/null || {
        tail -n 30 "$log" >&2
        ldf_die "failed: $* (all it said is in $log)"
    }
}

ldf_apt_get() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 "$@"
}

ldf_require_packages() {
    local packages
    packages=$("$LDF_TOP/build-aux/check-dependencies" --packages)
    [[ -n $packages ]] || return 0
    [[ $(id -u) == 0 ]] ||
        ldf_die "packages are missing and only root installs them; run: sudo apt-get install --no-install-recommends ${packages//$'\n'/ }"

    ldf_say "installing ${packages//$'\n'/ }"
    ldf_quietly "$LDF_BUILD/logs/apt-update.log" ldf_apt_get update
    # shellcheck disable=SC2086 # one package a line, to be split
    ldf_quietly "$LDF_BUILD/logs/apt-install.log" \
        ldf_apt_get install --no-install-recommends $packages
    "$LDF_TOP/build-aux/check-dependencies" >&2 ||
        ldf_die "apt-get installed the packages, and yet the above is missing: correct build-aux/dependencies"
}

# True when FILE is missing or older than one of the others.
ldf_is_stale() {
    local file=$1 source
    shift
    [[ -e $file ]] || return 0
    for source in "$@"; do
        [[ $source -nt $file ]] && return 0
    done
    return 1
}

ldf_configure() {
    ldf_require_packages
    if ldf_is_stale "$LDF_TOP/configure" "$LDF_TOP"/{configure.ac,Makefile.am,build-aux/bootstrap}; then
        ldf_say "making configure from configure.ac"
        ldf_quietly "$LDF_BUILD/logs/bootstrap.log" "$LDF_TOP/build-aux/bootstrap"
    fi
    if ldf_is_stale "$LDF_BUILD/config.status" "$LDF_TOP/configure"; then
        ldf_say "configuring $LDF_BUILD"
        mkdir -p "$LDF_BUILD"
        (cd "$LDF_BUILD" && ldf_quietly logs/configure.log "$LDF_TOP/configure")
    fi
}

ldf_make() {
    ldf_configure
    make -s -C "$LDF_BUILD" "$@" >&2
}

ldf_paths() {
    LDF_TREE=$LDF_BUILD/libvirt
    LDF_LIBVIRTD=$LDF_TREE/_build/src/libvirtd
    LDF_VIRSH=$LDF_TREE/_build/tools/virsh
    LDF_STOCK_TREE=$LDF_BUILD/stock
    LDF_STOCK_LIBVIRTD=$LDF_STOCK_TREE/_build/src/libvirtd
    LDF_STOCK_VIRSH=$LDF_STOCK_TREE/_build/tools/virsh
    export LDF_TOP LDF_BUILD LDF_TREE LDF_LIBVIRTD LDF_VIRSH
    export LDF_STOCK_TREE LDF_STOCK_LIBVIRTD LDF_STOCK_VIRSH
}

ldf_build() {
    local tree targets=()
    for tree in "${@:-patched}"; do
        case $tree in
            patched) targets+=(all) ;;
            stock | fuzzer | sanitized) targets+=("$tree") ;;
            *) ldf_die "no tree is named '$tree': patched, stock, fuzzer and sanitized are" ;;
        esac
    done
    ldf_make "${targets[@]}"
    ldf_paths
}
