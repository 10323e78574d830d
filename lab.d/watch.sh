# Functions that watch a lab: what libvirt told QEMU and what the guest "demo"
# printed.  Sourced by the tests and the demo, with LDF_LAB set.
# shellcheck shell=bash

# wait_until SECONDS COMMAND...: polls; fails, saying so, when the time is over.
wait_until() {
    local deadline=$((SECONDS + $1)) seconds=$1
    shift
    until "$@"; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            echo "not true within $seconds seconds: $*"
            return 1
        fi
        sleep 0.05
    done
}

# mark: from here on qmp and its kin look at what is logged from now on.
mark() {
    local host
    for host in a b; do
        stat -c %s "$LDF_LAB/$host/log/libvirtd.log" > "$LDF_LAB/$host/mark"
    done
}

since_mark() {
    tail -c +$(($(cat "$LDF_LAB/$1/mark") + 1)) "$LDF_LAB/$1/log/libvirtd.log"
}

# qmp HOST [COMMAND]: the QMP commands sent since the mark, one JSON object a
# line, in order; only those named COMMAND.
qmp() {
    since_mark "$1" |
        sed -n 's/.*QEMU_MONITOR_SEND_MSG: mon=[^ ]* msg=//p' | tr -d '\r' |
        jq -c --arg command "${2-}" 'select($command == "" or .execute == $command)'
}

# qmp_names HOST: the names of those commands, in order.
qmp_names() { qmp "$1" | jq -r .execute; }

# qmp_events HOST [EVENT]: the events received since the mark.
qmp_events() {
    since_mark "$1" | sed -n 's/.*QEMU_MONITOR_RECV_EVENT: mon=[^ ]* event=//p' | tr -d '\r' |
        jq -c --arg event "${2-}" 'select($event == "" or .event == $event)'
}

# drive-virtio-disk1, libvirt's name of a disk's job and export, is vdb.
targets_of_drives() {
    jq -r 'sub("^drive-virtio-disk"; "") | tonumber | "vd" + ([97 + .] | implode)' |
        sort -u | xargs
}

# guest_number HOST: the last number that the guest printed on this host.
guest_number() { sed -n 's/^N \([0-9]*\) .*/\1/p' "$LDF_LAB/$1/log/demo.serial" 2>/dev/null | tail -n 1; }

# guest_session HOST: which boot of the guest printed it.
guest_session() { sed -n 's/^N [0-9]* \([0-9a-f]*\).*/\1/p' "$LDF_LAB/$1/log/demo.serial" 2>/dev/null | tail -n 1; }

number_reached() {
    local number
    number=$(guest_number "$1")
    [ "${number:-0}" -ge "$2" ]
}

# wait_for_number HOST NUMBER: until the guest on HOST has printed it.
wait_for_number() { wait_until 60 number_reached "$@"; }
