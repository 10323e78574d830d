# A lab for measurements.  Sourced after measure.sh.
# shellcheck shell=bash

# shellcheck source=lab.d/watch.sh
. "$LDF_TOP/lab.d/watch.sh"

labs=()

# make_lab NAME OPTION...: brings up a lab of that name, and uses it.  However the
# measurement ends, the lab is taken down.
make_lab() {
    export LDF_LAB=$BENCH_SCRATCH/lab-$1
    labs+=("$LDF_LAB")
    shift
    "$LDF_TOP/lab" down >/dev/null
    "$LDF_TOP/lab" up --no-guest "$@" >/dev/null
}

end_labs() {
    local lab
    for lab in "${labs[@]}"; do
        LDF_LAB=$lab "$LDF_TOP/lab" down >/dev/null
    done
}
trap end_labs EXIT
trap 'exit 130' INT TERM HUP

on() { "$LDF_TOP/lab" "$@"; }

# A guest that stamps its disks once and is quiet then.
quiet_guest_xml() { INTERVAL=86400 "$LDF_TOP/lab.d/guest-xml" "$@"; }

# define HOST: the guest whose XML is on standard input.
define() {
    cat >"$BENCH_SCRATCH/guest.xml"
    on "$1" virsh -q define "$BENCH_SCRATCH/guest.xml" >/dev/null
}

has_stamped() { grep -q '^N 1 ' "$LDF_LAB/$1/log/$2.serial" 2>/dev/null; }

# start HOST GUEST...: and wait until each has booted and stamped its disks.
# They are to stamp once only, so that from then on they are quiet.
start() {
    local host=$1 guest
    shift
    for guest in "$@"; do
        on "$host" virsh -q start "$guest" >/dev/null
    done
    for guest in "$@"; do
        wait_until 120 has_stamped "$host" "$guest"
    done
}
