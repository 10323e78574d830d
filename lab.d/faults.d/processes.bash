# Processes of the lab's hosts, seen and stopped from the machine: entering a host
# takes longer than some phases last.
# shellcheck shell=bash

# A path of the host, also of a file system that only the host has mounted.
path_on() { echo "/proc/$(cat "$LDF_LAB/$1/pid")/root$2"; }

# image HOST NAME: also of one in such a file system.
image() { path_on "$1" "/var/lib/libvirt/images/$2"; }

# process_of HOST qemu|libvirtd: its id as the machine knows it.
process_of() {
    local pattern
    case $2 in
    # The emulator is still the script that waits before it becomes QEMU.
    qemu) pattern='^(/bin/sh [^ ]*/emulator|/usr/bin/qemu-system-x86_64) -name guest=demo,' ;;
    libvirtd) pattern='^[^ ]*/src/libvirtd --daemon ' ;;
    esac
    pgrep --ns "$(cat "$LDF_LAB/$1/pid")" --nslist pid --oldest --full -- "$pattern"
}

qemu_count() {
    pgrep --ns "$(cat "$LDF_LAB/$1/pid")" --nslist pid --count --full -- '/emulator -name guest=demo,|qemu-system-x86_64 -name guest=demo,' || :
}

# clients_of HOST: the ids of virsh there.
clients_of() { pgrep --ns "$(cat "$LDF_LAB/$1/pid")" --nslist pid --exact virsh || :; }

is_frozen() { grep -q '^State:[[:space:]]*T' "/proc/$1/status" 2>/dev/null; }

is_dead() { [ ! -e "/proc/$1" ] || grep -q '^State:[[:space:]]*Z' "/proc/$1/status"; }

# freeze HOST qemu|libvirtd: it does nothing until thaw or thaw_all.
freeze() {
    local pid
    pid=$(process_of "$1" "$2")
    kill -STOP "$pid"
    echo "$pid" >> "$CASE/frozen"
    wait_until 5 is_frozen "$pid"
}

thaw() { kill -CONT "$(process_of "$1" "$2")"; }

# hold_qemu HOST: a QEMU that is started from now on stops before it begins.
hold_qemu() { touch "$(path_on "$1" /run/hold-demo)"; }

is_qemu_held() {
    local pid
    pid=$(process_of "$1" qemu) && is_frozen "$pid" && [[ $(tr '\0' ' ' < "/proc/$pid/cmdline") = /bin/sh* ]] || return 1
    echo "$pid" >> "$CASE/frozen"
}

thaw_all() {
    local host pid
    for host in a b; do
        rm -f "$(path_on "$host" /run/hold-demo)"
    done
    [ -e "$CASE/frozen" ] || return 0
    while read -r pid; do
        kill -CONT "$pid" 2>/dev/null || :
    done < "$CASE/frozen"
    rm "$CASE/frozen"
}

# peek HOST COMMAND: what QEMU says to others than libvirt.
peek() { "$FAULTS/peek" "$(path_on "$1" /run/demo.peek)" "$2" 2>/dev/null; }

# is_pending HOST COMMAND: libvirtd has sent it, and QEMU has not replied.
is_pending() {
    local id
    id=$(qmp "$1" "$2" | tail -n 1 | jq -r .id)
    [ -n "$id" ] && ! since_mark "$1" | grep -q "QEMU_MONITOR_RECV_REPLY.*\"id\": \"$id\""
}
