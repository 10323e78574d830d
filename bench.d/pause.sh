# How long a guest stands still for a snapshot.  Sourced after measure.sh.
# shellcheck shell=bash

# shellcheck source=bench.d/lab.sh
. "$LDF_TOP/bench.d/lab.sh"

# shellcheck source=lab.d/images.sh
. "$LDF_TOP/lab.d/images.sh"

# What make_images makes.
export DISK_SIZE=64M

# microseconds_stopped HOST: what QEMU's events since the mark say: "all" from STOP
# to RESUME, "rest" all but the writing of the memory, which QEMU does alike for
# whoever asks.
microseconds_stopped() {
    qmp_events "$1" | jq -s -c '
        def when: .timestamp | .seconds * 1000000 + .microseconds;
        def times($event): [.[] | select(.event == $event) | when];
        def once($event): times($event) |
            if length == 1 then .[0] else error("\(length) events \($event), not one") end;
        (once("RESUME") - once("STOP")) as $all |
        times("MIGRATION") as $memory |
        {$all, rest: ($all - ($memory | max - min))}'
}

# pause_of HOST GUEST [OPTION...]: takes a snapshot, and removes it again.
pause_of() {
    mark
    on "$1" virsh -q snapshot-create-as "$2" s1 "${@:3}" >/dev/null
    microseconds_stopped "$1"
    on "$1" virsh -q snapshot-delete "$2" s1
}

# sample_pause SERIES ROUND HOST GUEST: of the series, and SERIES-rest.
sample_pause() {
    local pause part
    pause=$(pause_of "$3" "$4")
    for part in all rest; do
        sample "$1$([[ $part == all ]] || echo "-$part")" "$2" "$(jq ".$part" <<<"$pause")"
    done
}

# settle HOST GUEST...: takes one snapshot of each that is not counted, since it
# makes the image grow and later ones do not.
settle() {
    local host=$1 guest
    shift
    for guest in "$@"; do
        pause_of "$host" "$guest" >/dev/null
    done
}
