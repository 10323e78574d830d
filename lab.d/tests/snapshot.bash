# Helpers of the lab's snapshot tests: `load snapshot` after `load lab`.
# shellcheck shell=bash disable=SC2154

# --- What the images and the guest say ---------------------------------------

# tags HOST IMAGE...: "b.qcow2:s1 c.qcow2:", the internal snapshots of each.
tags() {
    local host=$1 name result=()
    shift
    for name in "$@"; do
        result+=("$name:$(qcow2_tags "$host" "$name")")
    done
    echo "${result[*]}"
}

# memory_in HOST IMAGE TAG: bytes of memory that the image's snapshot holds.
memory_in() {
    qemu-img info -U --output=json "$(image "$1" "$2")" |
        jq --arg tag "$3" '.snapshots[] | select(.name == $tag) | .["vm-state-size"]'
}

# last_stamp HOST IMAGE: the last number that this boot of the guest wrote.
last_stamp() {
    stamps_of "$1" "$2" | awk -v session="$(guest_session "$1")" '$1 == session { print $3 }'
}

# pause_after HOST NUMBER: pauses the guest after NUMBER at the earliest,
# so that what images hold can be compared; says its last number.
pause_after() {
    wait_for_number "$1" "$2"
    on "$1" virsh -q suspend demo > /dev/null
    guest_number "$1"
}

# serial_mark HOST; numbers_since_mark HOST: the guest's numbers printed since.
serial_mark() {
    wc -l < "$LDF_LAB/$1/log/demo.serial" > "$BATS_TEST_TMPDIR/serial-mark"
    head -n "$(cat "$BATS_TEST_TMPDIR/serial-mark")" "$LDF_LAB/$1/log/demo.serial" |
        sed -n 's/^N \([0-9]*\) .*/\1/p' | tail -n 1 > "$BATS_TEST_TMPDIR/number-mark"
}

numbers_since_mark() {
    tail -n +$(($(cat "$BATS_TEST_TMPDIR/serial-mark") + 1)) "$LDF_LAB/$1/log/demo.serial" |
        sed -n 's/^N \([0-9]*\) .*/\1/p' | xargs
}

has_numbers_since_mark() { [ -n "$(numbers_since_mark "$1")" ]; }

# first_number_after_revert HOST NUMBER: the first since the mark that is not of a guest
# that ran on until the revert to a snapshot taken before NUMBER + 2.
first_number_after_revert() {
    local number last
    last=$(cat "$BATS_TEST_TMPDIR/number-mark")
    for number in $(numbers_since_mark "$1"); do
        if [ "$number" -le $(($2 + 2)) ] || [ "$number" -ne $((last + 1)) ]; then
            echo "$number"
            return
        fi
        last=$number
    done
}

has_number_after_revert() { [ -n "$(first_number_after_revert "$1" "$2")" ]; }

# assert_running_from HOST BEFORE [AFTER]: the guest runs, and its numbers since the
# serial mark go on from a snapshot that was taken between those two (AFTER is BEFORE
# where the guest was paused).
assert_running_from() {
    local first after=${3-$2}
    wait_until 20 has_number_after_revert "$1" "$after"
    first=$(first_number_after_revert "$1" "$after")
    # The guest may have been caught between writing a number and printing it.
    if [ "$first" -le "$2" ] || [ "$first" -gt $((after + 2)) ]; then
        fail "the guest goes on with $first; the snapshot was taken between $2 and $after"
    fi
    assert_equal "$(state_of "$1")" running
}

# --- What libvirt says -------------------------------------------------------

# snapshots HOST: names of the guest's snapshots, in alphabetical order.
snapshots() { on "$1" virsh -q snapshot-list demo --name | xargs; }

# current HOST: name of the current snapshot, "" for none.
current() { on "$1" virsh -q snapshot-current demo --name 2>/dev/null | xargs; }

# disks_of_snapshot HOST NAME: "vdb=internal vdc=no memory=internal".
disks_of_snapshot() {
    on "$1" virsh -q snapshot-dumpxml demo "$2" > "$BATS_TEST_TMPDIR/snapshot.xml"
    python3 - "$BATS_TEST_TMPDIR/snapshot.xml" <<'PYTHON'
import sys
import xml.etree.ElementTree as ET

root = ET.parse(sys.argv[1]).getroot()
words = [f"{d.get('name')}={d.get('snapshot')}" for d in root.findall("disks/disk")]
words.append(f"memory={root.find('memory').get('snapshot')}")
print(*words)
PYTHON
}

# snapshot_job HOST COMMAND: "vmstate: devices" of each such QMP command, a disk's
# target standing for its node.
snapshot_job() {
    qmp "$1" "$2" | jq -r '"\(.arguments.vmstate // "-"): \(.arguments.devices | join(" "))"'
}

# node HOST TARGET: name of the disk's format node.
node() {
    on "$1" virsh -q qemu-monitor-command demo '{"execute":"query-block"}' |
        jq -r --arg qdev "$(on "$1" virsh -q dumpxml demo |
            xmllint --xpath "string(//disk[target/@dev='$2']/alias/@name)" -)" \
            '.return[] | select(.qdev | tostring | contains("/" + $qdev + "/")) | .inserted["node-name"]'
}

# --- Processes ---------------------------------------------------------------

# qemu_pid HOST: as seen on the host.
qemu_pid() { on "$1" cat /run/libvirt/qemu/demo.pid; }

# is_sent HOST COMMAND: whether it was sent since the mark.
is_sent() { since_mark "$1" | grep -q "QEMU_MONITOR_SEND_MSG.*\"execute\":\"$2\""; }

# in_background COMMAND...: virsh on a, which may lose its libvirtd.
in_background() {
    on a virsh -q "$@" > "$BATS_TEST_TMPDIR/virsh" 2>&1 3>&- &
    echo $! > "$BATS_TEST_TMPDIR/virsh.pid"
}

# step_qemu_to COMMAND: QEMU of a, which is stopped, gets there in steps that are
# smaller than what it is told to do, and is stopped with the command unanswered.
step_qemu_to() {
    on a "$ROOT/lab.d/faults.d/step" "$(qemu_pid a)" /var/log/libvirt/libvirtd.log \
        "$(cat "$LDF_LAB/a/mark")" "$1"
    ! is_job_concluded a || fail "QEMU was done with $1 before it could be stopped"
}

# hold_in COMMAND VIRSH...: begins what VIRSH says on a; QEMU is stopped with the
# command unanswered.
hold_in() {
    local command=$1
    shift
    on a kill -STOP "$(qemu_pid a)"
    in_background "$@"
    step_qemu_to "$command"
}

end_virsh() {
    local pid
    [ -e "$BATS_TEST_TMPDIR/virsh.pid" ] || return 0
    pid=$(cat "$BATS_TEST_TMPDIR/virsh.pid")
    kill "$pid" 2>/dev/null || :
    wait "$pid" || :
}

# A test that failed may have left it stopped.
thaw_qemu() {
    local pid
    pid=$(qemu_pid a 2>/dev/null) || return 0
    on a kill -CONT "$pid" 2>/dev/null || :
}

# start_libvirtd: until it has taken the guest over again.
start_libvirtd() {
    lab start a
    on a virsh -q qemu-monitor-command demo '{"execute":"query-status"}' > /dev/null
}

libvirtd_pid() { on a cat /run/libvirtd.pid; }

# restart_libvirtd_with VARIABLE=VALUE...: a's anew, with that in its environment.
restart_libvirtd_with() {
    lab stop a
    on a env "$@" "$LDF_BUILD_PATCHED/src/libvirtd" --daemon --listen --pid-file /run/libvirtd.pid
}

thaw_libvirtd() { on a kill -CONT "$(libvirtd_pid)" 2> /dev/null || :; }

has_tag() { [[ " $(qcow2_tags a "$1") " == *" $2 "* ]]; }

# save_unheard IMAGE: snapshot s1, which the held QEMU is told to save, gets into the
# image, and libvirtd, which is stopped, does not hear of it.
save_unheard() {
    on a kill -STOP "$(libvirtd_pid)"
    on a kill -CONT "$(qemu_pid a)"
    wait_until 30 has_tag "$1" s1
}

# is_job_concluded HOST: whether libvirtd has heard of the end of a snapshot job.
is_job_concluded() { qmp_events "$1" JOB_STATUS_CHANGE | grep -q '"concluded"'; }

# --- Images that fail --------------------------------------------------------

# define_made HOST DISK...: like define_guest, of images that are there already.
define_made() {
    local host=$1
    shift
    "$ROOT/lab.d/guest-xml" demo "$@" > "$BATS_TEST_TMPDIR/demo.xml"
    on "$host" virsh -q define --validate "$BATS_TEST_TMPDIR/demo.xml" > /dev/null
}

# small_disk IMAGE: a qcow2 image in a file system of its own, the host's /mnt,
# with next to no room for more; what it has the guest can write all over.
small_disk() {
    on a mount -t tmpfs -o size=9M tmpfs /mnt
    on a qemu-img create -q -f qcow2 -o preallocation=full "/mnt/$1" 8M
}

# fill_small_disk: takes the rest of that room, until /mnt/filler is removed, and never
# the room of what lies under it.
fill_small_disk() {
    on a mountpoint -q /mnt
    on a dd if=/dev/zero of=/mnt/filler bs=4k status=none 2>/dev/null || :
}

small_disk_tags() {
    on a qemu-img info -U --output=json "/mnt/$1" | jq -r '.snapshots // [] | .[].name' | xargs
}

# In teardown, after the guests are gone.
forget_small_disk() { on a sh -c '! mountpoint -q /mnt || umount /mnt'; }
