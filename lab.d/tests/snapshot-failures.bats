#!/usr/bin/env bats
# Snapshots that cannot be taken: refused, or failed half-way.

bats_require_minimum_version 1.5.0
load lab
load snapshot

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() {
    unlock_metadata
    lab_teardown
    forget_small_disk
}

# A guest that was not booted, for what is refused before anything happens.
paused_guest() {
    define_guest a "$@"
    on a virsh -q start demo --paused
    mark
}

# The same, with a qcow2 image vdc that has its data in a file beside it.
paused_guest_with_data_file() {
    define_guest a vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2
    on a qemu-img create -q -f qcow2 -o data_file=/var/lib/libvirt/images/c.data \
        /var/lib/libvirt/images/c.qcow2 8M
    on a virsh -q start demo --paused
    mark
}

# assert_refused WORD...: the snapshot that was run was refused in these words,
# and QEMU has been told nothing.
assert_refused() {
    local word
    assert_equal "$status" 1
    for word; do
        assert_output --partial "$word"
    done
    assert_equal "$(qmp_names a | grep -vE '^query-' | xargs)" ""
    assert_equal "$(snapshots a)" ""
}

# lock_metadata: nobody, not even root, can write snapshots' metadata.
lock_metadata() {
    on a mount --bind /var/lib/libvirt/qemu/snapshot /var/lib/libvirt/qemu/snapshot
    on a mount -o remount,bind,ro /var/lib/libvirt/qemu/snapshot
}

unlock_metadata() {
    on a sh -c '! mountpoint -q /var/lib/libvirt/qemu/snapshot || umount /var/lib/libvirt/qemu/snapshot'
}

# assert_nothing_left: of s1; the earlier snapshot is the current one.
assert_nothing_left() {
    assert_equal "$(tags a b.qcow2 c.qcow2)" "b.qcow2:earlier c.qcow2:earlier"
    assert_equal "$(snapshots a), current $(current a)" "earlier, current earlier"
}

@test "nothing selected is refused with the flag and a disk that could be" {
    paused_guest vdb=qcow2:b.qcow2,snapshot=false vdc=raw:c.raw,snapshot=false
    run on a virsh -q snapshot-create-as demo s1
    assert_refused "nothing selected for snapshot" "'vdb'" "<snapshot>" "'true'" "--diskspec vdb,snapshot=internal"
    run on a virsh -q snapshot-create-as demo s1 --disk-only
    assert_refused "nothing selected for snapshot" "'vdb'" "<snapshot>"
    # It is what the message says.
    on a virsh -q snapshot-create-as demo s1 --diskspec vdb,snapshot=internal > /dev/null
    assert_equal "$(tags a b.qcow2)" b.qcow2:s1
}

@test "a raw disk is refused with the flag that leaves it out" {
    paused_guest vdb=qcow2:b.qcow2 vdc=raw:c.raw
    run on a virsh -q snapshot-create-as demo s1
    assert_refused "internal snapshot for disk vdc unsupported for storage type raw" \
        "<snapshot>" "false" "--diskspec vdc,snapshot=no"
    run on a virsh -q snapshot-create-as demo s1 --diskspec vdb,snapshot=no
    assert_refused "vdc" "raw" "<snapshot>"
}

@test "an image whose data are in another file is refused with the flag that leaves it out" {
    paused_guest_with_data_file
    run on a virsh -q snapshot-create-as demo s1
    assert_refused "internal snapshot for disk 'vdc' unsupported" "'/var/lib/libvirt/images/c.data'" \
        "<snapshot>false</snapshot>" "--diskspec vdc,snapshot=no"
    run on a virsh -q snapshot-create-as demo s1 --live
    assert_refused "internal snapshot for disk 'vdc' unsupported" "'/var/lib/libvirt/images/c.data'"
    on a virsh -q domblkflags demo vdc --snapshot false --live
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    assert_equal "$(tags a b.qcow2 c.qcow2)" "b.qcow2:s1 c.qcow2:"
}

@test "internal and external disks do not mix, and the refusal names one of each" {
    paused_guest vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2
    run on a virsh -q snapshot-create-as demo s1 --diskspec vdc,snapshot=external
    assert_refused "'vdc'" "'internal'" "<snapshot>false</snapshot>"
    run on a virsh -q snapshot-create-as demo s1 --memspec file=/var/lib/libvirt/images/m --diskspec vdb,snapshot=internal
    assert_refused "mixing internal and external" "'vdb'" "'vdc'" "<snapshot>false</snapshot>"
    run on a virsh -q snapshot-create-as demo s1 --memspec file=/var/lib/libvirt/images/m \
        --diskspec vdb,snapshot=internal --diskspec vdc,snapshot=no
    assert_refused "mixing internal and external" "memory" "'vdb'" "<snapshot>false</snapshot>"
    run on a virsh -q snapshot-create-as demo s1 --disk-only --diskspec vdb,snapshot=internal --diskspec vdc,snapshot=no
    assert_refused "vdb" "internal"
}

@test "a tag that stands in an image is refused before the guest is paused" {
    make_images a vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2
    qemu-img snapshot -c s1 "$(image a c.qcow2)"
    make_images a vdd=nbd:d
    define_made a vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2 vdd=nbd:d,snapshot=false
    start_guest a
    mark
    run on a virsh -q snapshot-create-as demo s1
    assert_refused "'/var/lib/libvirt/images/c.qcow2'" "'vdc'" "'s1'" "choose another name" "qemu-img snapshot -d"
    assert_equal "$(qmp_events a STOP)" ""
    assert_equal "$(tags a b.qcow2 c.qcow2)" "b.qcow2: c.qcow2:s1"
    assert_guest_went_on a a
    # With that disk left out, the tag is no hindrance.
    on a virsh -q snapshot-create-as demo s1 --diskspec vdc,snapshot=no > /dev/null
    assert_equal "$(tags a b.qcow2 c.qcow2)" "b.qcow2:s1 c.qcow2:s1"
}

@test "a save that fails for want of space leaves nothing, and the guest goes on" {
    small_disk b.qcow2
    make_images a vdc=qcow2:c.qcow2 vdd=raw:d.raw
    define_made a vdb=qcow2:/mnt/b.qcow2 vdc=qcow2:c.qcow2 vdd=raw:d.raw,snapshot=false
    start_guest a
    mark
    run -1 on a virsh -q snapshot-create-as demo s1
    assert_output --partial "snapshot-save job failed"
    assert_equal "$(small_disk_tags b.qcow2)" ""
    assert_equal "$(tags a c.qcow2), snapshots $(snapshots a)" "c.qcow2:, snapshots "
    assert_equal "$(state_of a)" running
    assert_guest_went_on a a
    assert_no_job a
}

@test "a save that fails in the second image takes it out of the first again" {
    small_disk c.qcow2
    make_images a vdb=qcow2:b.qcow2 vdd=raw:d.raw
    define_made a vdb=qcow2:b.qcow2 vdc=qcow2:/mnt/c.qcow2 vdd=raw:d.raw,snapshot=false
    on a virsh -q start demo --paused
    fill_small_disk
    run -1 on a virsh -q snapshot-create-as demo s1
    assert_output --partial "snapshot-save job failed"
    assert_equal "$(small_disk_tags c.qcow2)" ""
    assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:, snapshots "
    assert_equal "$(state_of a)" paused
    on a rm /mnt/filler
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:s1, snapshots s1"
}

@test "metadata that cannot be written leave no tag, and the earlier snapshot stays current" {
    local option
    define_guest a vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2 vdd=raw:d.raw,snapshot=false
    start_guest a
    on a virsh -q snapshot-create-as demo earlier > /dev/null
    lock_metadata
    for option in --atomic --halt; do
        run -1 on a virsh -q snapshot-create-as demo s1 "$option"
        assert_output --partial "s1"
        assert_equal "$(state_of a)" running
        assert_nothing_left
    done
    assert_guest_went_on a a
    assert_no_job a
    on a virsh -q destroy demo
    run -1 on a virsh -q snapshot-create-as demo s1
    assert_nothing_left
    unlock_metadata
    lab restart a
    assert_nothing_left
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    assert_equal "$(tags a b.qcow2 c.qcow2)" "b.qcow2:earlier s1 c.qcow2:earlier s1"
    assert_equal "$(current a)" s1
}

@test "QEMU of a transient domain killed while a taking is undone: libvirtd goes on, no tag stays" {
    local pid
    make_images a vdb=qcow2:b.qcow2
    "$ROOT/lab.d/guest-xml" demo vdb=qcow2:b.qcow2 > "$BATS_TEST_TMPDIR/demo.xml"
    on a virsh -q create "$BATS_TEST_TMPDIR/demo.xml" > /dev/null
    lock_metadata
    pid=$(libvirtd_pid)
    on a kill -STOP "$(qemu_pid a)"
    in_background snapshot-create-as demo s1
    on a "$ROOT/lab.d/faults.d/step" "$(qemu_pid a)" /var/log/libvirt/libvirtd.log \
        "$(cat "$LDF_LAB/a/mark")" snapshot-delete
    on a kill -KILL "$(qemu_pid a)"
    wait "$(cat "$BATS_TEST_TMPDIR/virsh.pid")" || :
    run cat "$BATS_TEST_TMPDIR/virsh"
    assert_output --partial "unable to save metadata for snapshot s1"
    assert_equal "domains: $(on a virsh -q list --all --name | xargs)" "domains: "
    assert_equal "$(libvirtd_pid)" "$pid"
    assert_equal "$(tags a b.qcow2)" "b.qcow2:"
}

@test "a QEMU that dies while it saves leaves nothing" {
    local qemu
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    start_guest a
    qemu=$(qemu_pid a)
    hold_in snapshot-save snapshot-create-as demo s1
    on a kill -KILL "$qemu"
    ! wait "$(cat "$BATS_TEST_TMPDIR/virsh.pid")" || fail "the snapshot was taken by a QEMU that is dead"
    assert_equal "$(state_of a)" "shut off"
    assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:, snapshots "
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:s1, snapshots s1"
}
