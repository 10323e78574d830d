# shellcheck shell=bash
# common.sh - what the root commands share
#
# Usage: set -euo pipefail; . "$(dirname "$0")/build-aux/common.sh"
#
# Variables:
#   LDF_TOP       the top of this project's tree
#   LDF_BUILD     the build directory (build/NAME there for the system NAME; where it
#                 is set outside of a system, NAME in that)
#   LDF_JOBS      how many jobs run at once (the number of processors, unless set)
#   LDF_SYSTEM    the system that this runs in; unset outside of one
#
# Functions:
#   ldf_say TEXT...        tell on standard error what is being done
#   ldf_die TEXT...        tell what went wrong and exit 1
#   ldf_enter_system ARGUMENT...
#                          run the command that calls it in a system, the one that
#                          --system names (of the kind in LDF_KIND, "package-", where
#                          that is set); return in there, with the other arguments in
#                          LDF_ARGUMENTS
#   ldf_configure          bootstrap and configure, where they are stale
#   ldf_make TARGET...     ldf_configure, then make in the build directory
#   ldf_build [patched|pristine|fuzzer|sanitized]...
#                          have these trees built (patched when none is named)
#                          and set the paths of each:
#       LDF_TREE LDF_LIBVIRTD LDF_VIRSH                    for patched
#       LDF_STOCK_TREE LDF_STOCK_LIBVIRTD LDF_STOCK_VIRSH  for pristine
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

ldf_enter_system() {
    local system=${LDF_SYSTEM:-trixie} words="$*"
    system=${system#"${LDF_KIND-}"}
    LDF_ARGUMENTS=()
    while (($#)); do
        case $1 in
            --system)
                system=${2-}
                shift $(($# < 2 ? 1 : 2))
                ;;
            --system=*)
                system=${1#*=}
                shift
                ;;
            # what follows is a host's
            a | b)
                LDF_ARGUMENTS+=("$@")
                break
                ;;
            *)
                LDF_ARGUMENTS+=("$1")
                shift
                ;;
        esac
    done
    [[ -n $system ]] || ldf_die "--system needs a name: trixie or bookworm"
    system=${LDF_KIND-}$system
    if [[ -n ${LDF_SYSTEM-} ]]; then
        [[ $system == "$LDF_SYSTEM" ]] || ldf_die "this is the system $LDF_SYSTEM, not $system"
        return
    fi
    LDF_COMMAND="./${0##*/}${words:+ $words}" \
        exec "$LDF_TOP/build-aux/in-system" --system "$system" "$LDF_TOP/${0##*/}" "${LDF_ARGUMENTS[@]}"
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
            pristine) targets+=(stock) ;;
            fuzzer | sanitized) targets+=("$tree") ;;
            *) ldf_die "no tree is named '$tree': patched, pristine, fuzzer and sanitized are" ;;
        esac
    done
    ldf_make "${targets[@]}"
    ldf_paths
}
