#!/usr/bin/env bats
# Internal snapshots of some disks of a running guest: taken, shown, described.

bats_require_minimum_version 1.5.0
load lab
load snapshot

setup_file() { lab_setup_file --stock b; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() { lab_teardown; }

@test "stock libvirt refuses what is taken here" {
    define_guest b vdb=qcow2:b.qcow2 vdc=raw:c.raw
    on b virsh -q start demo --paused
    run -1 on b virsh -q snapshot-create-as demo s1
    assert_output --partial "internal snapshot for disk vdc unsupported for storage type raw"
    run -1 on b virsh -q snapshot-create-as demo s1 --diskspec vdc,snapshot=no
    assert_output --partial "disk 'vdc' must use snapshot mode 'internal'"
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw
    on a virsh -q start demo --paused
    run -0 on a virsh -q snapshot-create-as demo s1 --diskspec vdc,snapshot=no
    assert_equal "$(disks_of_snapshot a s1)" "vdb=internal vdc=no memory=internal"
}

# changing: of QMP commands, those that change something, without their ids.
changing() { jq -c 'select(.execute | test("^(query-|qom-|getfd)") | not) | del(.id)'; }

@test "two selected disks of five are saved, the memory into the first of them, and the guest goes on" {
    define_guest a vda=nbd:a,shareable,snapshot=false vdb=raw:b.raw,snapshot=false \
        vdc=qcow2:c.qcow2 vdd=qcow2:d.qcow2,snapshot=false vde=qcow2:e.qcow2
    start_guest a
    mark
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    assert_equal "$(snapshot_job a snapshot-save)" "$(node a vdc): $(node a vdc) $(node a vde)"
    assert_equal "$(qmp_names a | sed -n '/^stop$/,/^cont$/p' | xargs)" "stop snapshot-save query-jobs job-dismiss cont"
    assert_equal "$(tags a c.qcow2 d.qcow2 e.qcow2)" "c.qcow2:s1 d.qcow2: e.qcow2:s1"
    [ "$(memory_in a c.qcow2 s1)" -gt 1000000 ]
    assert_equal "$(memory_in a e.qcow2 s1)" 0
    assert_equal "$(disks_of_snapshot a s1)" "vda=no vdb=no vdc=internal vdd=no vde=internal memory=internal"
    assert_equal "$(state_of a)" running
    assert_guest_went_on a a
    assert_no_job a
}

@test "the snapshot's XML goes before the flag, the flag before the attribute, that before the default" {
    truncate -s 1M "$LDF_LAB/a/lib/images/medium.iso"
    define_guest a vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2,snapshot=false \
        vdd=raw:d.raw,how=no vde=qcow2:e.qcow2,snapshot=true vdf=qcow2:f.qcow2,snapshot=false \
        vdg=qcow2:g.qcow2,how=internal hdc=cdrom:medium.iso hdd=cdrom:
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1 \
        --diskspec vdc,snapshot=internal --diskspec vde,snapshot=no --diskspec vdf > /dev/null
    assert_equal "$(disks_of_snapshot a s1 | tr ' ' '\n' | sort | xargs)" \
        "hdc=no hdd=no memory=internal vdb=internal vdc=internal vdd=no vde=no vdf=no vdg=internal"
    assert_equal "$(snapshot_job a snapshot-save)" "$(node a vdb): $(node a vdb) $(node a vdc) $(node a vdg)"
    assert_equal "$(tags a b.qcow2 c.qcow2 e.qcow2 f.qcow2 g.qcow2)" \
        "b.qcow2:s1 c.qcow2:s1 e.qcow2: f.qcow2: g.qcow2:s1"
}

@test "where every writable disk is selected, the same is sent to QEMU as by stock libvirt" {
    truncate -s 1M "$LDF_LAB/a/lib/images/medium.iso"
    define_guest a vdb=qcow2:b.qcow2,snapshot=true vdc=qcow2:c.qcow2 hdc=cdrom:medium.iso
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    assert_equal "$(tags a b.qcow2 c.qcow2)" "b.qcow2:s1 c.qcow2:s1"
    on a virsh -q snapshot-revert demo s1
    on a virsh -q snapshot-delete demo s1
    assert_equal "$(tags a b.qcow2 c.qcow2)" "b.qcow2: c.qcow2:"

    truncate -s 1M "$LDF_LAB/b/lib/images/medium.iso"
    define_guest b vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2 hdc=cdrom:medium.iso
    on b virsh -q start demo --paused
    on b virsh -q snapshot-create-as demo s1 > /dev/null
    on b virsh -q snapshot-revert demo s1
    on b virsh -q snapshot-delete demo s1
    assert_equal "$(qmp a | changing)" "$(qmp b | changing)"
    assert_equal "$(qmp_names a | grep '^snapshot-' | xargs)" "snapshot-save snapshot-load snapshot-delete"
}

@test "flags changed on the running guest govern the next snapshot" {
    define_guest a vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2,snapshot=false
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    update_flags a vdb=qcow2:b.qcow2,snapshot=false --live > /dev/null
    update_flags a vdc=qcow2:c.qcow2 --live > /dev/null
    on a virsh -q snapshot-create-as demo s2 > /dev/null
    assert_equal "$(tags a b.qcow2 c.qcow2)" "b.qcow2:s1 c.qcow2:s2"
}

@test "a disk plugged in by attach-device is taken or left out by its flag" {
    define_guest a vdb=qcow2:b.qcow2
    make_images a vdc=raw:c.raw vdd=qcow2:d.qcow2
    on a virsh -q start demo --paused
    on a virsh -q attach-device demo "$(disk_file vdc=raw:c.raw,snapshot=false)" > /dev/null
    on a virsh -q attach-device demo "$(disk_file vdd=qcow2:d.qcow2,snapshot=true)" > /dev/null
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    assert_equal "$(snapshot_job a snapshot-save)" "$(node a vdb): $(node a vdb) $(node a vdd)"
    assert_equal "$(tags a b.qcow2 d.qcow2)" "b.qcow2:s1 d.qcow2:s1"
}

@test "the node is looked up anew: a selected disk that has an overlay by now is saved there" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q snapshot-create-as demo over --disk-only --no-metadata \
        --diskspec vdb,file=/var/lib/libvirt/images/b.overlay > /dev/null
    mark
    on a virsh -q snapshot-create-as demo s2 > /dev/null
    assert_equal "$(snapshot_job a snapshot-save)" "$(node a vdb): $(node a vdb)"
    assert_equal "$(tags a b.qcow2)" "b.qcow2:s1"
    assert_equal "$(on a qemu-img info -U --output=json /var/lib/libvirt/images/b.overlay |
        jq -r '.snapshots[].name')" s2
}

@test "a guest that was paused stays paused, whatever is done to its snapshots" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q snapshot-delete demo s1
    assert_equal "$(state_of a)" paused
    assert_equal "$(qmp a cont)" ""
}

@test "--halt leaves a snapshot with metadata and a guest that is shut off" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    start_guest a
    mark
    on a virsh -q snapshot-create-as demo s1 --halt > /dev/null
    assert_equal "$(state_of a)" "shut off"
    assert_equal "$(snapshots a), current $(current a)" "s1, current s1"
    assert_equal "$(tags a b.qcow2)" b.qcow2:s1
    assert_equal "$(qmp a cont)" ""
    lab restart a
    assert_equal "$(snapshots a), current $(current a)" "s1, current s1"
    serial_mark a
    on a virsh -q snapshot-revert demo s1
    assert_running_from a "$(guest_number a)"
}

@test "--atomic is as good as without: one job saves all disks" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=qcow2:d.qcow2
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1 --atomic > /dev/null
    assert_equal "$(snapshot_job a snapshot-save)" "$(node a vdb): $(node a vdb) $(node a vdd)"
    assert_equal "$(tags a b.qcow2 d.qcow2)" "b.qcow2:s1 d.qcow2:s1"
}

@test "--no-metadata leaves the tag and nothing that libvirt knows of" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q snapshot-create-as demo s2 --no-metadata > /dev/null
    on a virsh -q snapshot-create-as demo s3 --no-metadata --halt > /dev/null
    assert_equal "$(tags a b.qcow2)" "b.qcow2:s1 s2 s3"
    assert_equal "$(snapshots a), current $(current a)" "s1, current s1"
}

@test "--print-xml tells QEMU nothing, and its XML makes the snapshot" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw vdd=qcow2:d.qcow2,snapshot=false
    on a virsh -q start demo --paused
    mark
    on a virsh -q snapshot-create-as demo s1 --diskspec vdc,snapshot=no --print-xml > "$BATS_TEST_TMPDIR/s1.xml"
    assert_equal "$(qmp a)" ""
    assert_equal "$(snapshots a)" ""
    on a virsh -q snapshot-create demo "$BATS_TEST_TMPDIR/s1.xml" > /dev/null
    assert_equal "$(disks_of_snapshot a s1)" "vdb=internal vdc=no vdd=no memory=internal"
}

@test "the dumped XML is taken by --redefine and dumped again unchanged, then reverted to" {
    local name
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=qcow2:d.qcow2
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo flagged > /dev/null
    # Here nothing but the snapshot's XML says that vdd is out.
    on a virsh -q snapshot-create-as demo listed --diskspec vdd,snapshot=no > /dev/null
    for name in flagged listed; do
        on a virsh -q snapshot-dumpxml demo "$name" --security-info > "$BATS_TEST_TMPDIR/$name.xml"
    done
    on a virsh -q snapshot-delete demo listed --metadata
    on a virsh -q snapshot-delete demo flagged --metadata
    for name in flagged listed; do
        on a virsh -q snapshot-create demo "$BATS_TEST_TMPDIR/$name.xml" --redefine --current --validate > /dev/null
        on a virsh -q snapshot-dumpxml demo "$name" --security-info > "$BATS_TEST_TMPDIR/again.xml"
        assert_equal "$(cat "$BATS_TEST_TMPDIR/again.xml")" "$(cat "$BATS_TEST_TMPDIR/$name.xml")"
    done
    assert_equal "$(current a)" listed
    on a virsh -q snapshot-revert demo flagged
    on a virsh -q snapshot-revert demo listed
    assert_equal "$(snapshot_job a snapshot-load | cut -d : -f 2 | tr '\n' ,)" \
        " $(node a vdb) $(node a vdd), $(node a vdb),"
}

@test "lists, trees and the current snapshot are right, before and after a restart of libvirtd" {
    local restart
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=qcow2:d.qcow2
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q snapshot-create-as demo s2 --diskspec vdd,snapshot=no > /dev/null
    on a virsh -q snapshot-revert demo s1
    on a virsh -q snapshot-create-as demo s3 --diskspec vdb,snapshot=no > /dev/null
    for restart in false true; do
        ! "$restart" || lab restart a
        assert_equal "$(on a virsh -q snapshot-list demo --tree | xargs)" "s1 | +- s2 +- s3"
        assert_equal "$(on a virsh -q snapshot-list demo --internal --active --name | xargs)" "s1 s2 s3"
        assert_equal "$(on a virsh -q snapshot-list demo --external --name | xargs)" ""
        assert_equal "$(current a)" s3
        assert_equal "$(on a virsh -q snapshot-parent demo s3)" s1
        assert_equal "$(disks_of_snapshot a s1)" "vdb=internal vdc=no vdd=internal memory=internal"
        assert_equal "$(disks_of_snapshot a s2)" "vdb=internal vdc=no vdd=no memory=internal"
        assert_equal "$(disks_of_snapshot a s3)" "vdb=no vdc=no vdd=internal memory=internal"
    done
    assert_equal "$(tags a b.qcow2 d.qcow2)" "b.qcow2:s1 s2 d.qcow2:s1 s3"
    # The memory went to the first disk that is in.
    assert_equal "$(memory_in a b.qcow2 s2 | wc -c)" "$(memory_in a d.qcow2 s3 | wc -c)"
}

@test "a transient domain's snapshot leaves out what the flag says" {
    make_images a vdb=qcow2:b.qcow2 vdc=raw:c.raw
    "$ROOT/lab.d/guest-xml" demo vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false > "$BATS_TEST_TMPDIR/demo.xml"
    on a virsh -q create "$BATS_TEST_TMPDIR/demo.xml" --paused > /dev/null
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    assert_equal "$(tags a b.qcow2), current $(current a)" "b.qcow2:s1, current s1"
    run -1 on a virsh -q snapshot-create-as demo s2 --halt
    assert_output --partial "cannot halt after transient domain snapshot"
    on a virsh -q snapshot-delete demo s1
    assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:, snapshots "
}
