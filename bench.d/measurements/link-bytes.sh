#!/bin/bash
# How many bytes of storage a migration sends over the link, packet headers
# included, against what the images that it copies take on the disk.
. "$(dirname "${BASH_SOURCE[0]}")/../measure.sh"
# shellcheck source=bench.d/migration.sh
. "$LDF_TOP/bench.d/migration.sh"

compare link-bytes "storage sent, 2 disks of 3 by their flags" bytes 1.02 \
    flags "ours" allocated "allocated in these 2"
compare link-bytes-all "the same" bytes null \
    flags "ours" all "sent by stock, all 3"

# count_bytes HOST: from now on, those that come to the ports of the NBD server.
count_bytes() {
    on "$1" iptables -A INPUT -p tcp --dport "$first_port:$last_port"
}

# counted_bytes HOST: since it was asked last.  (Newer versions do not list and zero
# in one.)
counted_bytes() {
    on "$1" iptables -L INPUT -v -n -x | awk -v ports="dpts:$first_port:$last_port" '$NF == ports { print $2 }'
    on "$1" iptables -Z INPUT
}

allocated_bytes() {
    local image
    for image in "${copied[@]}"; do
        qemu-img map -U -f raw --output=json "$(image "$1" "$image")"
    done | jq -s 'flatten | map(select(.data) | .length) | add'
}

make_lab ours
make_guest migrate=false
count_bytes a
count_bytes b
make_lab stock --stock a=pristine --stock b=pristine
make_guest ""
count_bytes a
count_bytes b

measure() {
    local from=a to=b allocated bytes
    (($2 % 2)) || { from=b to=a; }
    if [[ $1 == flags ]]; then
        export LDF_LAB=$BENCH_SCRATCH/lab-ours
        allocated=$(allocated_bytes "$from")
        sample allocated "$2" "$allocated"
    else
        export LDF_LAB=$BENCH_SCRATCH/lab-stock
        rm -f "$(image "$to" "$left_out")"
    fi
    clear_copies "$to"
    migrate "$from" "$to" "$2" >/dev/null
    bytes=$(counted_bytes "$to")
    sample "$1" "$2" "$bytes"
}

in_turns 3 measure flags all
