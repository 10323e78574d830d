# Helpers of the lab's bats tests: `load lab` in a test file.
# shellcheck shell=bash disable=SC2154

bats_load_library bats-support
bats_load_library bats-assert

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${LDF_BUILD:-$ROOT/build}

# shellcheck source=lab.d/watch.sh
. "$ROOT/lab.d/watch.sh"
# shellcheck source=lab.d/images.sh
. "$ROOT/lab.d/images.sh"

# Tests take what is built: they are no place to notice that it is stale.
export LDF_BUILD_PATCHED=${LDF_BUILD_PATCHED:-$BUILD/libvirt/_build}
export LDF_BUILD_STOCK=${LDF_BUILD_STOCK:-$BUILD/stock/_build}

# --- One lab for each test file ----------------------------------------------

# In setup_file: lab_setup_file [--stock a|b]...
lab_setup_file() {
    LAB_FILE=$(basename "$BATS_TEST_FILENAME" .bats)
    # Several test files, and a person's own lab, may run side by side.
    export LAB_FILE LDF_LAB="$BUILD/lab-tests/$LAB_FILE"
    new_lab "$@"
}

# In teardown_file.
lab_teardown_file() {
    lab down > /dev/null
}

# new_lab [--stock a|b]...: instead of the one that there is.
new_lab() {
    lab down > /dev/null
    lab up --no-guest "$@" > /dev/null
}

# In setup: what is asked of logs and images is asked of this test's own.
lab_setup() {
    mark
}

# In teardown.
lab_teardown() {
    if [ -z "${BATS_TEST_COMPLETED-}" ]; then
        [ -z "${output-}" ] || echo "the last command that was run said: $output"
        [ ! -e "$BATS_TEST_TMPDIR/said" ] || sed 's/^/the migration said: /' "$BATS_TEST_TMPDIR/said"
        keep_logs
    fi
    if [ -e "$LDF_LAB/hangs" ]; then
        # the tests after this one shall not wait for it
        renew_lab
        return 1
    fi
    forget_guests
}

# Ends all that runs in the lab, and starts hosts like those that it had.
renew_lab() {
    local host kind hosts=()
    for host in a b; do
        kind=$(cat "$LDF_LAB/$host/libvirt")
        [ "$kind" = patched ] || hosts+=(--stock "$host=$kind")
    done
    new_lab "${hosts[@]}"
}

keep_logs() {
    local to="$BUILD/lab-logs/$LAB_FILE/$BATS_TEST_NUMBER" host
    rm -rf "$to"
    mkdir -p "$to"
    echo "$BATS_TEST_DESCRIPTION" > "$to/test"
    for host in a b; do
        mkdir -p "$to/$host"
        cp -r "$LDF_LAB/$host/log/." "$to/$host/"
        since_mark "$host" > "$to/$host/libvirtd-of-this-test.log"
        on "$host" timeout 10 virsh dumpxml demo > "$to/$host/demo.xml" 2>&1 || :
        on "$host" timeout 10 virsh domjobinfo demo > "$to/$host/job" 2>&1 || :
    done
    echo "the lab's logs are kept in $to"
}

# Leaves both hosts without guests and images.
forget_guests() {
    local host name
    for host in a b; do
        on "$host" virsh -q list --name > "$BATS_TEST_TMPDIR/running"
        while read -r name; do
            [ -z "$name" ] || on "$host" virsh -q destroy "$name" > /dev/null
        done < "$BATS_TEST_TMPDIR/running"
        on "$host" virsh -q list --all --name > "$BATS_TEST_TMPDIR/defined"
        while read -r name; do
            [ -z "$name" ] ||
                on "$host" virsh -q undefine "$name" --managed-save --snapshots-metadata \
                    --checkpoints-metadata --nvram > /dev/null
        done < "$BATS_TEST_TMPDIR/defined"
        rm -f "$LDF_LAB/$host"/lib/images/* "$LDF_LAB/$host"/log/*.serial
        # A volume that the pool still knows would not be made for the next guest.
        on "$host" virsh -q pool-refresh images > /dev/null
    done
    rm -f "$LDF_LAB"/nbd/*
}

# --- Hosts -------------------------------------------------------------------

# The longest that a command of the lab may take, in seconds.
LIMIT=300

# lab COMMAND...: what hangs fails, instead of keeping the tests from their end.
lab() {
    local begin=$SECONDS status=0
    timeout --kill-after=10 "$LIMIT" "$ROOT/lab" "$@" || status=$?
    if ((status != 0 && SECONDS - begin >= LIMIT)); then
        touch "$LDF_LAB/hangs"
        echo "not ended within $LIMIT seconds: lab $*" >&2
    fi
    return "$status"
}

# on HOST COMMAND...
on() { lab "$@"; }

# --- Which disks are copied --------------------------------------------------

# mirrored_disks HOST: the targets that the source copies, "vdb vdc".
mirrored_disks() { qmp "$1" blockdev-mirror | jq '.arguments["job-id"]' | targets_of_drives; }

# exported_disks HOST: the targets that the destination lets be written.
exported_disks() {
    qmp "$1" block-export-add | jq '.arguments.name' | targets_of_drives
}

# assert_copied FROM TO "vdb vdc": mirrors and exports are just these disks;
# no NBD server is started for none.
assert_copied() {
    local servers
    assert_equal "mirrored: $(mirrored_disks "$1")" "mirrored: $3"
    assert_equal "exported: $(exported_disks "$2")" "exported: $3"
    servers=$(qmp "$2" nbd-server-start | wc -l)
    if [ -n "$3" ]; then
        assert_equal "NBD servers: $servers" "NBD servers: 1"
    else
        assert_equal "NBD servers: $servers" "NBD servers: 0"
    fi
}

# --- Guests ------------------------------------------------------------------

# disk_xml DISK: a disk's XML, DISK as guest-xml takes it.
disk_xml() { "$ROOT/lab.d/guest-xml" --disk "$1"; }

# disk_file DISK: writes that to a file and prints its name.
disk_file() {
    local file
    file=$(mktemp "$BATS_TEST_TMPDIR/disk.XXXXXX")
    disk_xml "$1" > "$file"
    echo "$file"
}

# define_guest HOST DISK...: the guest "demo" with new images, not started.
define_guest() {
    local host=$1
    make_images "$@"
    shift
    "$ROOT/lab.d/guest-xml" demo "$@" > "$BATS_TEST_TMPDIR/demo.xml"
    on "$host" virsh -q define --validate "$BATS_TEST_TMPDIR/demo.xml" > /dev/null
}

# start_guest HOST [NUMBER]: starts it and waits until it has written NUMBER (1).
start_guest() {
    on "$1" virsh -q start demo > /dev/null
    wait_for_number "$1" "${2:-1}"
}

# state_of HOST: of the guest, "running", "paused", "shut off"; "" when unknown.
state_of() { on "$1" virsh domstate demo 2>/dev/null | xargs; }

# assert_guest_went_on FROM TO: what runs on TO is the very guest that FROM had
# started, with its numbers unbroken.  (FROM may be TO.)
assert_guest_went_on() {
    local last
    last=$(guest_number "$1")
    wait_for_number "$2" $((last + 1))
    assert_equal "$(guest_session "$2")" "$(guest_session "$1")"
    if [ "$1" != "$2" ]; then
        assert_equal "first number on $2: $(sed -n 's/^N \([0-9]*\) .*/\1/p' "$LDF_LAB/$2/log/demo.serial" | head -n 1)" \
            "first number on $2: $((last + 1))"
    fi
}

# stamps_of HOST NAME: SESSION FIRST LAST COUNT for each boot that wrote to it.
stamps_of() { "$ROOT/lab.d/stamps" "$(image "$1" "$2")"; }

has_stamps() { [ -n "$(stamps_of "$@")" ]; }

# qcow2_tags HOST NAME: the internal snapshots in an image.
qcow2_tags() {
    qemu-img info -U --output=json "$(image "$1" "$2")" | jq -r '.snapshots // [] | .[].name' | xargs
}

# flags_of HOST TARGET [--inactive]: the disk's flags as "migrate=true
# snapshot=false", nothing for those that are not set.
flags_of() {
    on "$1" virsh dumpxml demo ${3:+"$3"} > "$BATS_TEST_TMPDIR/flags.xml"
    local name value result=()
    for name in migrate snapshot backup; do
        value=$(xmllint --xpath "string(//disk[target/@dev='$2']/flags/$name)" "$BATS_TEST_TMPDIR/flags.xml")
        [ -z "$value" ] || result+=("$name=$value")
    done
    echo "${result[*]}"
}

# set_flag FILE TARGET NAME [VALUE]: changes a disk's flag in a domain's XML,
# without VALUE takes it away.
set_flag() {
    python3 - "$@" <<'EOF'
import sys
import xml.etree.ElementTree as ET

path, target, name, *value = sys.argv[1:]
tree = ET.parse(path)
disk = next(d for d in tree.iter("disk") if d.find("target").get("dev") == target)
flags = disk.find("flags")
if flags is None:
    flags = ET.SubElement(disk, "flags")
flag = flags.find(name)
if flag is None:
    flag = ET.SubElement(flags, name)
if value:
    flag.text = value[0]
else:
    flags.remove(flag)
    if len(flags) == 0:
        disk.remove(flags)
tree.write(path)
EOF
}

# update_flags HOST DISK [OPTION...]: virsh update-device with the disk's XML.
update_flags() {
    local host=$1 disk=$2
    shift 2
    on "$host" virsh -q update-device demo "$(disk_file "$disk")" "$@"
}

# --- Migration ---------------------------------------------------------------

# migrate FROM TO managed|p2p OPTION...: of the guest "demo", live.
migrate() {
    local from=$1 to=$2 how=()
    [ "$3" = managed ] || how=(--p2p)
    shift 3
    on "$from" virsh -q migrate --live "${how[@]}" "$@" demo "qemu+tcp://$to/system"
}

# assert_images_copied FROM TO NAME...: what the guest wrote before it moved from
# FROM and what it writes on TO both stand in the image on TO.
assert_images_copied() {
    local from=$1 to=$2 name first last
    shift 2
    for name in "$@"; do
        read -r _ first last _ < <(stamps_of "$to" "$name" | grep "^$(guest_session "$to") ") || :
        assert_equal "$name on $to begins with stamp ${first:-none}" "$name on $to begins with stamp 1"
        [ "${last:-0}" -gt "$(guest_number "$from")" ] ||
            fail "$name on $to ends with stamp $last: the guest does not write to it"
    done
}

# assert_images_not_copied FROM TO NAME...: the image on TO has only what the
# guest has written there.
assert_images_not_copied() {
    local from=$1 to=$2 name first
    shift 2
    for name in "$@"; do
        # A guest that moved after it stamped its disks and before it printed the
        # number has yet to stamp them on TO.
        wait_until 20 has_stamps "$to" "$name"
        read -r _ first _ < <(stamps_of "$to" "$name" | grep "^$(guest_session "$to") ") || :
        [ "${first:-0}" -gt "$(guest_number "$from")" ] ||
            fail "$name on $to begins with stamp ${first:-none}, but the guest left $from after $(guest_number "$from")"
    done
}

# planned_copies HOST: the targets that virsh domblkflags says would be copied.
planned_copies() {
    on "$1" virsh -q domblkflags demo --json |
        jq -r '.[] | select(.migrate.selected) | .target' | sort | xargs
}

# migrate_in_background FROM TO managed|p2p OPTION...: it must be waited for.
migrate_in_background() {
    migrate "$@" > "$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
    background=$!
}

# assert_background_failed TEXT: with TEXT in what it said.
assert_background_failed() {
    local code=0
    wait "$background" || code=$?
    output=$(cat "$BATS_TEST_TMPDIR/said")
    assert_equal "$code" 1
    assert_output --partial "$1"
}

# assert_no_job HOST: no job of libvirt's and none of QEMU's lingers.
assert_no_job() {
    assert_equal "$(on "$1" virsh -q domjobinfo demo | awk '/Job type/ { print $3 }')" None
    assert_equal "$(on "$1" virsh -q qemu-monitor-command demo '{"execute":"query-jobs"}' | jq -c .return)" "[]"
    assert_equal "$(on "$1" virsh -q qemu-monitor-command demo '{"execute":"query-block-jobs"}' | jq -c .return)" "[]"
}
