#!/bin/bash
# How long the guest stands still for a snapshot whose memory is written while it goes
# on, against stock libvirt's, with 1 to 8 GiB of memory that does not compress; how
# large its file is, how long going back takes, and what the guest loses meanwhile.
#
# A guest has had a live snapshot already when one is measured: what that leaves behind
# must not make the next one slower.
. "$(dirname "${BASH_SOURCE[0]}")/../measure.sh"
# shellcheck source=bench.d/pause.sh
. "$LDF_TOP/bench.d/pause.sh"

sizes=(1 4 8)

for size in "${sizes[@]}"; do
    compare "live-$size" "pause: live, $size GiB of memory" microseconds \
        "$([[ $size == 4 ]] && echo 0.02 || echo null)" \
        "live-$size" "ours" "stock-$size" "stock, all disks qcow2"
done
compare live-external "pause: the same" microseconds 1 \
    live-4 "ours" external-4 "stock, disks and memory external, --live"
compare live-growth "pause: live, 8 GiB of memory" microseconds 3 \
    live-8 "ours" live-1 "ours, 1 GiB"
compare live-file "file of the memory, 4 GiB" bytes 1.05 \
    file "ours" memory "memory that QEMU has"
compare live-revert "revert, 4 GiB of memory" seconds 1.1 \
    revert "ours, live" stock-revert "stock, all disks qcow2"
compare live-lost "longest second of the guest, 4 GiB" microseconds null \
    second-while "while the memory is written" second-before "before"

# define_big HOST GUEST GIB DISK...: a guest whose memory is filled.
define_big() {
    local host=$1 guest=$2
    make_images "$host" "${@:4}"
    MEMORY=$(($3 * 1088 + 256)) FILL=$(($3 * 1024)) "$LDF_TOP/lab.d/guest-xml" "$guest" "${@:4}" | define "$host"
}

has_filled() { grep -q '^SWEEP 1' "$LDF_LAB/$1/log/$2.serial" 2>/dev/null; }

# remove HOST GUEST: with what it has left in images and beside them.
remove() {
    on "$1" virsh -q destroy "$2" >/dev/null
    on "$1" virsh -q undefine "$2" --snapshots-metadata >/dev/null
    rm -f "$LDF_LAB/$1/log/$2.serial" "$LDF_LAB/$1/lib/images/$2"*
}

# microseconds_between_numbers: of the guest on a, until it is told to end.
microseconds_between_numbers() {
    local before now last='' numbers
    before=$(wc -l <"$LDF_LAB/a/log/big.serial")
    while sleep 0.005; do
        numbers=$(wc -l <"$LDF_LAB/a/log/big.serial")
        ((numbers > before)) || continue
        before=$numbers
        now=$(date +%s%6N)
        [[ -z $last ]] || echo $((now - last))
        last=$now
    done
}

# watch_during COMMAND...: the longest time between two of the guest's numbers meanwhile.
watch_during() {
    local watcher
    microseconds_between_numbers >"$BENCH_SCRATCH/numbers" &
    watcher=$!
    "$@" >/dev/null
    kill "$watcher"
    wait "$watcher" 2>/dev/null || true
    sort -n "$BENCH_SCRATCH/numbers" | tail -n 1
}

snapshot() { on "$1" virsh -q snapshot-create-as big "${@:2}" >/dev/null; }

seconds_of_revert() {
    local before after
    before=$(date +%s%3N)
    on "$1" virsh -q snapshot-revert big s1
    after=$(date +%s%3N)
    jq -n "($after - $before) / 1000"
}

pause_since_mark() { microseconds_stopped "$1" | jq .all; }

measure_file() {
    sample memory "$1" $((1024 * $(on a sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$(on a cat /run/libvirt/qemu/big.pid)/status")))
    sample second-before "$1" "$(watch_during sleep 5)"
    sample second-while "$1" "$(watch_during snapshot a s2 --live)"
    sample file "$1" "$(stat -c %s "$LDF_LAB/a/lib/images/big.s2.save")"
}

measure_external() {
    mark
    snapshot b s2 --live --memspec file=/var/lib/libvirt/images/big.memory,snapshot=external \
        --diskspec vda,snapshot=external --diskspec vdb,snapshot=external
    sample external-4 "$1" "$(pause_since_mark b)"
}

# measure GIB ROUND: there is no room for the guests of all sizes at once.
measure() {
    local host
    define_big a big "$1" vda=qcow2:big vdb=raw:big-raw,snapshot=false
    define_big b big "$1" vda=qcow2:big vdb=qcow2:big-two
    for host in a b; do
        on "$host" virsh -q start big >/dev/null
    done
    for host in a b; do
        wait_until 300 has_filled "$host" big
    done

    snapshot a s0 --live
    on a virsh -q snapshot-delete big s0
    mark
    snapshot a s1 --live
    sample "live-$1" "$2" "$(pause_since_mark a)"
    mark
    snapshot b s1
    sample "stock-$1" "$2" "$(pause_since_mark b)"

    if [[ $1 == 4 ]]; then
        measure_file "$2"
        sample revert "$2" "$(seconds_of_revert a)"
        sample stock-revert "$2" "$(seconds_of_revert b)"
        measure_external "$2"
    fi

    remove a big
    remove b big
}

make_lab pause-live --stock b=pristine

in_turns 3 measure "${sizes[@]}"
