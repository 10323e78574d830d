#!/usr/bin/env bats
# Snapshots whose names are numbers, which QEMU looks for among the IDs in an image
# first, and names that are too long.

bats_require_minimum_version 1.5.0
load lab
load snapshot

setup_file() { lab_setup_file --stock b; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() { lab_teardown; }

# holds HOST IMAGE PATTERN: the image, which nobody has open, has it at 4 MiB.
holds() {
    on "$1" qemu-io -r -f qcow2 -c "read -P $3 4M 64k" "/var/lib/libvirt/images/$2" > "$BATS_TEST_TMPDIR/read"
    ! grep -q "verification failed" "$BATS_TEST_TMPDIR/read"
}

writes() { on "$1" qemu-io -f qcow2 -c "write -q -P $3 4M 64k" "/var/lib/libvirt/images/$2"; }

# What stock libvirt lets happen: "2" has the ID 1, "1" the ID 2.
crossed_snapshots_of() {
    writes "$1" b.qcow2 2
    on "$1" virsh -q snapshot-create-as demo 2 > /dev/null
    writes "$1" b.qcow2 1
    on "$1" qemu-img snapshot -c 1 /var/lib/libvirt/images/b.qcow2
    on "$1" virsh -q snapshot-dumpxml demo 2 | sed '0,/<name>2</s//<name>1</' > "$BATS_TEST_TMPDIR/1.xml"
    on "$1" virsh -q snapshot-create demo "$BATS_TEST_TMPDIR/1.xml" --redefine > /dev/null
    writes "$1" b.qcow2 3
}

@test "a name that is the ID of another snapshot is refused, running and off, full and subset" {
    local disks name
    for disks in vdb=qcow2:b.qcow2 "vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false"; do
        # shellcheck disable=SC2086 # words
        define_guest a $disks
        on a virsh -q snapshot-create-as demo first > /dev/null
        run -1 on a virsh -q snapshot-create-as demo 1
        assert_output --partial "snapshot '1' cannot be told from snapshot 'first', which has the ID 1 in image '/var/lib/libvirt/images/b.qcow2' of disk 'vdb': choose another name"
        on a virsh -q start demo --paused
        mark
        run -1 on a virsh -q snapshot-create-as demo 1
        assert_output --partial "snapshot '1' cannot be told from snapshot 'first'"
        run ! is_sent a snapshot-save
        assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:first, snapshots first"
        forget_guests
    done
}

@test "a snapshot whose ID would be the name of another is refused, running and off" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    on a virsh -q snapshot-create-as demo 2 > /dev/null
    run -1 on a virsh -q snapshot-create-as demo next
    assert_output --partial "snapshot 'next' would get the ID 2 in image '/var/lib/libvirt/images/b.qcow2' of disk 'vdb' and could not be told from snapshot '2': delete snapshot '2' first"
    on a virsh -q start demo --paused
    run -1 on a virsh -q snapshot-create-as demo next
    assert_output --partial "delete snapshot '2' first"
    # The remedy is one.
    on a virsh -q snapshot-delete demo 2
    on a virsh -q snapshot-create-as demo next > /dev/null
    assert_equal "$(tags a b.qcow2)" "b.qcow2:next"
}

@test "numbers in their order are names like any other" {
    local name
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    for name in 1 2; do
        writes a b.qcow2 $name
        on a virsh -q snapshot-create-as demo $name > /dev/null
    done
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo 3 > /dev/null
    on a virsh -q snapshot-revert demo 3
    assert_equal "$(state_of a)" paused
    on a virsh -q snapshot-revert demo 1
    holds a b.qcow2 1
    on a virsh -q snapshot-revert demo 2
    holds a b.qcow2 2
}

@test "disks that joined at different times do not end in different snapshots" {
    define_guest a vdb=qcow2:b.qcow2 vdd=qcow2:d.qcow2
    on a virsh -q snapshot-create-as demo 1 --diskspec vdd,snapshot=no > /dev/null
    on a virsh -q snapshot-create-as demo 2 > /dev/null
    run -1 on a virsh -q snapshot-create-as demo 3
    assert_output --partial "snapshot '3' would get the ID 2 in image '/var/lib/libvirt/images/d.qcow2' of disk 'vdd' and could not be told from snapshot '2'"
    assert_equal "$(tags a b.qcow2 d.qcow2)" "b.qcow2:1 2 d.qcow2:2"
}

@test "an offline revert to a number goes where it was asked to go" {
    define_guest a vdb=qcow2:b.qcow2
    crossed_snapshots_of a
    on a virsh -q snapshot-revert demo 1
    holds a b.qcow2 1
    on a virsh -q snapshot-revert demo 2
    holds a b.qcow2 2
}

@test "stock libvirt goes to another snapshot" {
    define_guest b vdb=qcow2:b.qcow2
    crossed_snapshots_of b
    on b virsh -q snapshot-revert demo 1
    holds b b.qcow2 2
}

@test "a running guest is not reverted to a number that QEMU takes for another snapshot" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo 2 > /dev/null
    # As stock libvirt would have taken it.
    on a virsh -q snapshot-dumpxml demo 2 | sed '0,/<name>2</s//<name>1</' > "$BATS_TEST_TMPDIR/1.xml"
    on a virsh -q qemu-monitor-command demo "$(jq -nc --arg b "$(node a vdb)" \
        '{execute: "snapshot-save", arguments: {"job-id": "other", tag: "1", vmstate: $b, devices: [$b]}}')" > /dev/null
    wait_until 20 is_job_concluded a
    on a virsh -q qemu-monitor-command demo '{"execute":"job-dismiss","arguments":{"id":"other"}}' > /dev/null
    on a virsh -q snapshot-create demo "$BATS_TEST_TMPDIR/1.xml" --redefine > /dev/null
    for off in no yes; do
        [ $off = no ] || on a virsh -q destroy demo
        mark
        run -1 on a virsh -q snapshot-revert demo 1
        assert_output --partial "cannot revert to snapshot '1': QEMU would take snapshot '2' for it, which has the ID 1 in image '/var/lib/libvirt/images/b.qcow2' of disk 'vdb'; delete snapshot '2' first"
        run ! is_sent a snapshot-load
    done
    # The remedy is one.
    on a virsh -q snapshot-delete demo 2
    assert_equal "$(tags a b.qcow2)" "b.qcow2:1"
    on a virsh -q snapshot-revert demo 1
    assert_equal "$(state_of a)" paused
}

@test "deleting a number deletes the snapshot of that name, running and off" {
    define_guest a vdb=qcow2:b.qcow2
    crossed_snapshots_of a
    on a virsh -q snapshot-delete demo 1
    assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:2, snapshots 2"
    forget_guests
    define_guest a vdb=qcow2:b.qcow2
    crossed_snapshots_of a
    on a virsh -q start demo --paused
    on a virsh -q snapshot-delete demo 1
    assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:2, snapshots 2"
}

@test "a variable store in which IDs and names cross is told, when one is taken and reverted to" {
    on a qemu-img convert -O qcow2 /usr/share/OVMF/OVMF_VARS_4M.fd /var/lib/libvirt/images/nvram.qcow2
    NVRAM=qcow2 define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo 1 > /dev/null
    on a virsh -q destroy demo
    # Somebody's own: "1" has the ID 2 there by now, "other" the ID 1.
    on a sh -c 'cd /var/lib/libvirt/images && qemu-img snapshot -d 1 nvram.qcow2 &&
        qemu-img snapshot -c other nvram.qcow2 && qemu-img snapshot -c 1 nvram.qcow2'
    run -1 on a virsh -q snapshot-revert demo 1
    assert_output --partial "QEMU would take snapshot 'other' for it, which has the ID 1 in image '/var/lib/libvirt/images/nvram.qcow2'"
    run -1 on a virsh -q snapshot-create-as demo 2
    assert_output --partial "nvram.qcow2"
    assert_equal "$(tags a b.qcow2 nvram.qcow2)" "b.qcow2:1 nvram.qcow2:other 1"
}

@test "a name that is too long is refused before anything is saved, running and off" {
    local name
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    name=$(printf 'n%.0s' {1..248})
    run -1 on a virsh -q snapshot-create-as demo "$name"
    assert_output --partial "is 248 bytes long: choose one of at most 247 bytes"
    on a virsh -q start demo --paused
    mark
    run -1 on a virsh -q snapshot-create-as demo "$name"
    assert_output --partial "is 248 bytes long: choose one of at most 247 bytes"
    run ! is_sent a snapshot-save
    assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:, snapshots "
    on a virsh -q snapshot-create-as demo "${name%n}" > /dev/null
    assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:${name%n}, snapshots ${name%n}"
    on a virsh -q snapshot-delete demo "${name%n}"
    assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:, snapshots "
}
