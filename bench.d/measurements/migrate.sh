#!/bin/bash
# How long a migration takes whose disks are chosen by their flags, against stock
# libvirt told the same disks.
. "$(dirname "${BASH_SOURCE[0]}")/../measure.sh"
# shellcheck source=bench.d/migration.sh
. "$LDF_TOP/bench.d/migration.sh"

compare migrate "migrate, 2 disks of 3 copied by their flags" seconds 1.02 \
    ours "ours" stock "stock, --migrate-disks"

# So little that libvirt's share counts, and that there can be many rounds.
disk_size=64M
data_size=48M

make_lab ours
make_guest migrate=false
make_lab stock --stock a=pristine --stock b=pristine
make_guest ""

# Odd rounds go from a to b, even ones back.
measure() {
    local from=a to=b options=() seconds
    export LDF_LAB=$BENCH_SCRATCH/lab-$1
    (($2 % 2)) || { from=b to=a; }
    [[ $1 == ours ]] || options=(--migrate-disks "vdb,vdd")
    clear_copies "$to"
    seconds=$(migrate "$from" "$to" "$2" "${options[@]}")
    sample "$1" "$2" "$seconds"
}

in_turns 60 measure ours stock
