# The guests of the fault campaign and what is done with them.  The stock libvirt
# knows no flags: there the same disks are named in the command, or the guest
# has only the disks that the snapshot takes.
# shellcheck shell=bash disable=SC2034,SC2054

# Whether it takes a snapshot, "s1".
is_taking() { [[ $OPERATION = @(snapshot|live) ]]; }

is_migration() { [[ $OPERATION = migrate* ]]; }

is_backup() { [ "$OPERATION" = backup ]; }

# What the operation copies or saves, and the images that it has to leave alone.
if is_migration; then
    COPIED="vdb vdc"
    DISKS=(vda=nbd:a,migrate=false vdb=raw:b.raw,migrate=true vdc=qcow2:c.qcow2
           vdd=raw:d.raw,migrate=false,snapshot=false)
    SELECTED=(b.raw c.qcow2)
    # It is unplugged before the mirrors start; stock libvirt has nothing like it.
    [ "$STOCK" = yes ] || DISKS+=(vde=qcow2:e.qcow2,migrate=recreate)
    # A change of the running guest only: it has to stay apart from the definition.
    LIVE_CHANGE=vdb=raw:b.raw,migrate=true,snapshot=true
elif is_backup; then
    DISKS=(vda=nbd:a,backup=false vdb=qcow2:b.qcow2,backup=true vdc=qcow2:c.qcow2
           vdd=raw:d.raw,backup=false vde=qcow2:e.qcow2,backup=false)
    SELECTED=(b.qcow2 c.qcow2)
    if [ "$STOCK" = yes ]; then
        DISKS=(vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2)
    fi
else
    DISKS=(vda=nbd:a,snapshot=false vdb=qcow2:b.qcow2,snapshot=true vdc=qcow2:c.qcow2
           vdd=raw:d.raw,snapshot=false,migrate=false vde=qcow2:e.qcow2,snapshot=false)
    SELECTED=(b.qcow2 c.qcow2)
    if [ "$STOCK" = yes ]; then
        DISKS=(vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2)
    fi
fi

without_flags() { sed -E 's/,(migrate|snapshot|backup)=[a-z]+//g' <<< "$1"; }

# expected_flags [live]: "vdb:migrate=true ..." of all disks, as flags_of_all says.
expected_flags() {
    local disk
    [ "$STOCK" = no ] || return 0
    for disk in "${DISKS[@]}"; do
        if [ "${1-}" = live ] && [ "${disk%%=*}" = "${LIVE_CHANGE%%=*}" ]; then
            disk=$LIVE_CHANGE
        fi
        echo "${disk%%=*}:$(grep -oE '(migrate|snapshot|backup)=[a-z]+' <<< "$disk" | sort | xargs)"
    done | xargs
}

# flags_of_all HOST [--inactive]: of one look at the XML.
flags_of_all() {
    [ "$STOCK" = no ] || return 0
    on "$1" virsh dumpxml demo ${2:+"$2"} > "$CASE/flags.xml"
    python3 - "$CASE/flags.xml" <<'PYTHON'
import sys
import xml.etree.ElementTree as ET

words = []
for disk in ET.parse(sys.argv[1]).iter("disk"):
    flags = sorted(f"{flag.tag}={flag.text}" for flag in disk.findall("flags/*"))
    words.append(disk.find("target").get("dev") + ":" + " ".join(flags))
print(*words)
PYTHON
}

# The host's images in a file system with little room, for the storage to be full.
storage_host() { if is_migration; then echo b; else echo a; fi; }

mount_small_storage() {
    local host size=320M
    host=$(storage_host)
    # Memory that is to be written to a file has to find room.
    [ "$LIVE_SNAPSHOT" = no ] || size=640M
    on "$host" mount -t tmpfs -o size=$size tmpfs /var/lib/libvirt/images
    on "$host" virsh -q pool-refresh images
}

unmount_small_storage() {
    local host
    for host in a b; do
        on "$host" sh -c '! mountpoint -q /var/lib/libvirt/images || umount /var/lib/libvirt/images'
        on "$host" virsh -q pool-refresh images
    done
}

# To the last block.
fill_storage() {
    local size host
    host=$(storage_host)
    for size in 1M 4k; do
        dd if=/dev/zero bs=$size status=none >> "$(image "$host" filler)" 2> /dev/null || :
    done
    assert_equal "$(stat --file-system --format %a "$(image "$host" .)") blocks free" "0 blocks free"
}

# data_of HOST: what else than stamps is in a disk that takes a while to copy.
data_of() { dd if="$(image "$1" b.raw)" bs=1M skip=8 count=24 status=none | sha256sum; }

take_s1() {
    if [ "$LIVE_SNAPSHOT" = yes ]; then
        on a virsh -q snapshot-create-as demo s1 --live > /dev/null
    else
        on a virsh -q snapshot-create-as demo s1 > /dev/null
    fi
}

# A guest that runs on a and, for what works on snapshots, has some.
prepare_guest() {
    local disk xml=$CASE/demo.xml disks=()
    [[ $FAULT != storage-full* ]] || mount_small_storage
    for disk in "${DISKS[@]}"; do
        [ "$STOCK" = no ] || disk=$(without_flags "$disk")
        disks+=("$disk")
    done
    # At 1 MiB/s the mirror of a large disk runs for a while.
    [ "$PHASE" != mirrors-running ] || export DISK_SIZE=32M
    make_images a "${disks[@]}"
    if is_migration; then
        make_images b vdd=raw:d.raw
        # libvirt makes images with all their blocks, which stay writable when the
        # storage is full: thin ones do not.
        [ "$FAULT" != storage-full ] || [ "$PHASE" = begin ] || make_images b "${disks[@]:0:4}"
        for host in a b; do
            # Beside the stamps, which take 4 MiB.
            echo "image of $host" | dd of="$(image "$host" d.raw)" bs=1M seek=6 conv=notrunc status=none
        done
        if [ "$PHASE" = mirrors-running ]; then
            dd if=/dev/urandom of="$(image a b.raw)" bs=1M seek=8 count=24 conv=notrunc status=none
            data_of a > "$CASE/data"
        fi
    fi
    "$ROOT/lab.d/guest-xml" demo "${disks[@]}" |
        sed "s|<emulator>.*</emulator>|<emulator>$FAULTS/emulator</emulator>|" > "$xml"
    on a virsh -q define --validate "$xml" > /dev/null
    start_guest a
    if is_migration; then
        [ "$STOCK" = yes ] || update_flags a "$LIVE_CHANGE" --live
    elif ! is_backup; then
        on a virsh -q snapshot-create-as demo earlier > /dev/null
        if ! is_taking; then
            take_s1
            guest_number a > "$CASE/snapshot-number"
        fi
        [ "$OPERATION" != revert ] || wait_for_number a $(($(guest_number a) + 1))
    fi
    mark
}

# operation_command FROM TO SNAPSHOT [OPTION...]: sets COMMAND to words of virsh.
operation_command() {
    local from=$1 to=$2 snapshot=$3
    shift 3
    case $OPERATION in
    migrate|migrate-p2p)
        # virsh forgets an error that comes while it asks how the migration goes on;
        # the library tells each.
        COMMAND=("$from" env LIBVIRT_LOG_OUTPUTS=3:stderr virsh -k 1 -K 7 -q migrate --live
                 --persistent --undefinesource --copy-storage-all --unsafe "$@")
        [ "$OPERATION" = migrate ] || COMMAND+=(--p2p)
        [ "$STOCK" = no ] || COMMAND+=(--migrate-disks "${COPIED// /,}")
        COMMAND+=(demo "qemu+tcp://$to/system") ;;
    snapshot) COMMAND=(a virsh -q snapshot-create-as demo "$snapshot") ;;
    live) COMMAND=(a virsh -q snapshot-create-as demo "$snapshot" --live) ;;
    revert) COMMAND=(a virsh -q snapshot-revert demo "$snapshot" --running) ;;
    delete) COMMAND=(a virsh -q snapshot-delete demo "$snapshot") ;;
    backup) COMMAND=(a virsh -q backup-begin demo) ;;
    esac
}

# start_operation [OPTION...]: in the background.
start_operation() {
    local COMMAND
    operation_command a b s1 "$@"
    {
        "$ROOT/lab" "${COMMAND[@]}" > "$CASE/said" 2>&1 && echo 0 > "$CASE/status" || echo $? > "$CASE/status"
    } < /dev/null &
}

is_operation_over() { [ -s "$CASE/status" ]; }

# backups: the disks that there are backups of, by libvirt's names of them, "b c".
backups() {
    find "$(image a .)" -name '?.qcow2.[0-9]*' -printf '%f\n' | cut -d . -f 1 | sort -u | xargs
}

is_backup_over() { on a virsh -q domjobinfo demo | grep -q '^Job type: *None'; }

# The names of the QMP commands that do the work.
work_command() {
    case $OPERATION in
    snapshot) echo snapshot-save ;;
    live) echo migrate ;;
    revert) echo snapshot-load ;;
    delete) echo snapshot-delete ;;
    esac
}
