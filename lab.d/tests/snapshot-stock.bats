#!/usr/bin/env bats
# Guests without flags: what libvirt without the change does with their snapshots, with
# the same QEMU, ours does too.
# bats file_tags=pristine

bats_require_minimum_version 1.5.0
load lab
load snapshot

setup_file() { lab_setup_file --stock b=pristine; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() { lab_teardown; }

# tries HOST NAME COMMAND...: notes under NAME whether it succeeds, and why not.
tries() {
    local host=$1 name=$2
    shift 2
    if on "$host" "$@" > "$BATS_TEST_TMPDIR/said-on-$host-by-$name" 2>&1; then
        echo "$name" >> "$BATS_TEST_TMPDIR/works-on-$host"
    fi
}

# uses_snapshot HOST NAME: what can be done with a snapshot, running and off.
uses_snapshots() {
    local host=$1
    tries "$host" revert-off-to-off virsh -q snapshot-revert demo off
    tries "$host" revert-off-to-running virsh -q snapshot-revert demo running --paused
    tries "$host" revert-running-to-running virsh -q snapshot-revert demo running --paused
    tries "$host" revert-running-to-off virsh -q snapshot-revert demo off
    on "$host" virsh -q start demo --paused > /dev/null 2>&1 || :
    tries "$host" delete-off-while-running virsh -q snapshot-delete demo off
    on "$host" virsh -q destroy demo > /dev/null 2>&1 || :
    tries "$host" delete-running-while-off virsh -q snapshot-delete demo running
}

takes_snapshots() {
    local host=$1
    shift
    tries "$host" take-off virsh -q snapshot-create-as demo off "$@"
    on "$host" virsh -q start demo --paused
    tries "$host" take-running virsh -q snapshot-create-as demo running "$@"
    on "$host" virsh -q destroy demo
}

# assert_no_less: what works on the stock host works on ours.
assert_no_less() {
    local name
    while read -r name; do
        grep -qx "$name" "$BATS_TEST_TMPDIR/works-on-a" ||
            fail "$name works with stock libvirt and not with ours: $(cat "$BATS_TEST_TMPDIR/said-on-a-by-$name")"
    done < "$BATS_TEST_TMPDIR/works-on-b"
}

# define_edited HOST DISK...: by what EDIT, a script of sed, makes of its XML.
define_edited() {
    define_guest "$@"
    [ -n "${EDIT-}" ] || return 0
    truncate -s 16M "$(image "$1" b.qcow2)"
    on "$1" virsh -q undefine demo
    sed -i "$EDIT" "$BATS_TEST_TMPDIR/demo.xml"
    on "$1" virsh -q define --validate "$BATS_TEST_TMPDIR/demo.xml" > /dev/null
}

# compare DISK... [-- OPTION...]: of the taking.
compare() {
    local disks=() host
    while (($#)) && [ "$1" != -- ]; do
        disks+=("$1")
        shift
    done
    (($# == 0)) || shift
    for host in a b; do
        define_edited "$host" "${disks[@]}"
        : > "$BATS_TEST_TMPDIR/works-on-$host"
        takes_snapshots "$host" "$@"
        uses_snapshots "$host"
    done
    assert_no_less
    echo "with stock libvirt work: $(xargs < "$BATS_TEST_TMPDIR/works-on-b")"
    forget_guests
    # The same, with snapshots that stock libvirt took.
    define_edited b "${disks[@]}"
    : > "$BATS_TEST_TMPDIR/works-on-b"
    takes_snapshots b "$@"
    hand_over
    uses_snapshots b
    : > "$BATS_TEST_TMPDIR/works-on-a"
    for name in take-off take-running; do
        ! grep -qx $name "$BATS_TEST_TMPDIR/works-on-b" || echo $name >> "$BATS_TEST_TMPDIR/works-on-a"
    done
    uses_snapshots a
    assert_no_less
}

# hand_over: the guest that is off on b, with its images and snapshots, as it would
# be after an upgrade.
hand_over() {
    local name
    cp --sparse=always "$LDF_LAB"/b/lib/images/* "$LDF_LAB/a/lib/images/"
    on b virsh -q dumpxml demo > "$BATS_TEST_TMPDIR/demo.xml"
    on a virsh -q define "$BATS_TEST_TMPDIR/demo.xml" > /dev/null
    lab stop a
    on b tar -C /var/lib/libvirt/qemu -c snapshot | on a tar -C /var/lib/libvirt/qemu -x
    lab start a
}

@test "qcow2 disks" { compare vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2; }

@test "a read-only disk beside a qcow2 disk" { compare vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2,readonly; }

@test "a read-only disk whose attribute says that it is taken" {
    compare vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2,readonly,how=internal
}

@test "a read-only disk that is listed" {
    compare vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2,readonly -- --diskspec vdc,snapshot=internal
}

@test "an empty drive that is listed" {
    compare vdb=qcow2:b.qcow2 hdc=cdrom: -- --diskspec hdc,snapshot=internal
}

@test "a raw disk" { compare vdb=qcow2:b.qcow2 vdc=raw:c.raw; }

@test "a qcow2 image in a slice of a file" {
    export EDIT="/b.qcow2/s,/>,><slices><slice type='storage' offset='0' size='16777216'/></slices></source>,"
    DISK_SIZE=1M compare vdb=qcow2:b.qcow2
}
