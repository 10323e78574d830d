#!/bin/bash
# Whether the number of disks that a snapshot leaves out, or takes, makes the guest
# stand still for longer.
. "$(dirname "${BASH_SOURCE[0]}")/../measure.sh"
# shellcheck source=bench.d/pause.sh
. "$LDF_TOP/bench.d/pause.sh"
# shellcheck source=bench.d/disks.sh
. "$LDF_TOP/bench.d/disks.sh"

compare pause-10 "pause: 10 disks left out" microseconds 1.02 \
    out-10 "ours" out-1 "ours, 1 left out"
compare pause-10-rest "pause: the same, without writing memory" microseconds null \
    out-10-rest "ours" out-1-rest "ours, 1 left out"
compare pause-100 "pause: 100 disks left out" microseconds 1.02 \
    out-100 "ours" out-1 "ours, 1 left out"
compare pause-100-rest "pause: the same, without writing memory" microseconds null \
    out-100-rest "ours" out-1-rest "ours, 1 left out"

compare pause-live-100 "pause: live, 100 disks left out" microseconds 1.02 \
    live-out-100 "ours" live-out-1 "ours, 1 left out"
compare pause-live-taken "pause: live, 10 disks taken" microseconds null \
    live-in-10 "ours" live-out-1 "ours, 1 taken"

# guest_leaving_out NUMBER: its XML.  The guest's kernel has no driver for their
# controller, so that its memory holds the same however many there are.
guest_leaving_out() {
    quiet_guest_xml "out-$1" "vda=qcow2:out-$1" | sed '/<\/devices>/,$d'
    many_disks "$1" "/var/lib/libvirt/images/out-$1" "<flags><snapshot>false</snapshot></flags>"
    echo "</devices></domain>"
}

make_lab pause-many
for number in 1 10 100; do
    make_images a "vda=qcow2:out-$number"
    guest_leaving_out "$number" >"$BENCH_SCRATCH/guest-out.xml"
    while read -r image; do
        truncate -s 1M "$LDF_LAB/a/lib/images/${image##*/}"
    done < <(xmllint --xpath '//disk[flags]/source/@file' "$BENCH_SCRATCH/guest-out.xml" | sed 's/.*="\(.*\)"/\1/')
    define a <"$BENCH_SCRATCH/guest-out.xml"
done
taken=()
for disk in vd{a..j}; do
    taken+=("$disk=qcow2:in-10-$disk")
done
make_images a "${taken[@]}"
quiet_guest_xml in-10 "${taken[@]}" | define a
start a out-1 out-10 out-100 in-10
settle a out-1 out-10 out-100 in-10

measure() {
    local guest=${1#live-}
    if [[ $1 == live-* ]]; then
        sample "$1" "$2" "$(pause_of a "$guest" --live | jq .all)"
    else
        sample_pause "$1" "$2" a "$guest"
    fi
}

in_turns 60 measure out-1 out-10 out-100 live-out-1 live-out-100 live-in-10
