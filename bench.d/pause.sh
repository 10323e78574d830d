# How long a guest stands still for a snapshot.  Sourced after measure.sh.
# shellcheck shell=bash

# shellcheck source=bench.d/lab.sh
. "$LDF_TOP/bench.d/lab.sh"

# shellcheck source=lab.d/images.sh
. "$LDF_TOP/lab.d/images.sh"

# What make_images makes.
export DISK_SIZE=64M

# microseconds_stopped HOST: between QEMU's events STOP and RESUME since the mark.
microseconds_stopped() {
    qmp_events "$1" | jq -s '
        def when($event): [.[] | select(.event == $event)] |
            if length == 1 then .[0].timestamp | .seconds * 1000000 + .microseconds
            else error("\(length) events \($event), not one") end;
        when("RESUME") - when("STOP")'
}

# pause_of HOST GUEST: takes a snapshot, and removes it again.
pause_of() {
    mark
    on "$1" virsh -q snapshot-create-as "$2" s1 >/dev/null
    microseconds_stopped "$1"
    on "$1" virsh -q snapshot-delete "$2" s1
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
