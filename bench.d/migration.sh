# Storage migration in a lab.  Sourced after measure.sh.
# shellcheck shell=bash

# shellcheck source=bench.d/lab.sh
. "$LDF_TOP/bench.d/lab.sh"

# Two disks to copy, and one that is at both hosts: each partly empty, as images
# are.  What is in them is random, so that nothing makes it smaller on its way.
copied=(vdb.raw vdd.raw)
left_out=vdc.raw
disk_size=256M
data_size=192M

# image HOST NAME: where the machine finds it.
image() { echo "/proc/$(<"$LDF_LAB/$1/pid")/root/var/lib/libvirt/images/$2"; }

# In memory: what the last round wrote to the machine's disk is not to be in the way.
put_images_in_memory() {
    local host
    for host in a b; do
        on "$host" mount -t tmpfs tmpfs /var/lib/libvirt/images
        on "$host" virsh -q pool-refresh images >/dev/null
    done
}

# Each round has a port of its own for the disks, outside of the range from which
# libvirt chooses: it need not free one that it was told to use.
first_port=49300
# shellcheck disable=SC2034 # link-bytes.sh counts what comes to all of them
last_port=49999

# make_guest OPTION: a quiet guest on host a, OPTION being what its disk vdc has.
make_guest() {
    local image
    put_images_in_memory
    for image in "${copied[@]}" "$left_out"; do
        head -c "$data_size" /dev/urandom >"$(image a "$image")"
        truncate -s "$disk_size" "$(image a "$image")"
    done
    quiet_guest_xml demo vdb=raw:vdb.raw "vdc=raw:vdc.raw${1:+,$1}" vdd=raw:vdd.raw |
        define a
    cp --sparse=always "$(image a "$left_out")" "$(image b "$left_out")"
    start a demo
}

# Makes room on a host: a copy is always into images that are made for it.
clear_copies() {
    local image
    for image in "${copied[@]}"; do
        rm -f "$(image "$1" "$image")"
    done
    on "$1" virsh -q pool-refresh images >/dev/null
}

# migrate FROM TO ROUND OPTION...: prints the seconds that virsh took.
migrate() {
    local from=$1 to=$2 port=$((first_port + $3))
    shift 3
    # shellcheck disable=SC2016 # expanded on the host
    on "$from" bash -c '
        set -e
        start=$EPOCHREALTIME
        virsh -q migrate --live --copy-storage-all --unsafe --undefinesource --persistent \
            --disks-port "$1" "${@:3}" demo "qemu+tcp://$2/system"
        echo "$EPOCHREALTIME - $start" | sed "s/,/./g"' bash "$port" "$to" "$@" |
        jq -nR 'input | split(" - ") | map(tonumber) | .[0] - .[1]'
}
