#!/bin/bash
# How long the guest stands still for a snapshot that leaves disks out, against
# stock libvirt's, which takes every disk.
. "$(dirname "${BASH_SOURCE[0]}")/../measure.sh"
# shellcheck source=bench.d/pause.sh
. "$LDF_TOP/bench.d/pause.sh"

compare pause "pause: 1 qcow2 disk taken, 1 raw left out" microseconds 1.02 \
    ours-two "ours" stock-two "stock, 2 qcow2 disks taken"
compare pause-one "pause: the same" microseconds null \
    ours-two "ours" stock-one "stock, the only disk taken"
compare pause-rest "pause: the same, without writing memory" microseconds null \
    ours-two-rest "ours" stock-two-rest "stock, 2 qcow2 disks taken"
compare pause-ten "pause: 1 qcow2 disk of 10 taken" microseconds null \
    ours-ten "ours" stock-ten "stock, all 10 taken"
compare pause-ten-rest "pause: the same, without writing memory" microseconds null \
    ours-ten-rest "ours" stock-ten-rest "stock, all 10 taken"

# disks GUEST FORMAT COUNT [OPTION]: qcow2 disk vda, then COUNT more of FORMAT.
disks() {
    local letter letters=bcdefghij
    echo "vda=qcow2:$1-vda"
    for ((letter = 0; letter < $3; letter++)); do
        echo "vd${letters:letter:1}=$2:$1-vd${letters:letter:1}${4+,$4}"
    done
}

# make_guest HOST GUEST FORMAT COUNT [OPTION]
make_guest() {
    local disks
    mapfile -t disks < <(disks "${@:2}")
    make_images "$1" "${disks[@]}"
    quiet_guest_xml "$2" "${disks[@]}" | define "$1"
}

make_lab pause --stock b=pristine
make_guest a two raw 1 snapshot=false
make_guest a ten qcow2 9 snapshot=false
make_guest b one qcow2 0
make_guest b two qcow2 1
make_guest b ten qcow2 9
start a two ten
start b one two ten
settle a two ten
settle b one two ten

measure() {
    local host
    case $1 in
        ours-*) host=a ;;
        stock-*) host=b ;;
    esac
    sample_pause "$1" "$2" "$host" "${1#*-}"
}

in_turns 60 measure ours-two stock-two stock-one ours-ten stock-ten
