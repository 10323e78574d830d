#!/usr/bin/env bats
# Internal snapshots that leave disks out are deleted, live and offline.

bats_require_minimum_version 1.5.0
load lab
load snapshot

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() {
    lab_teardown
    forget_small_disk
}

paused_guest() {
    define_guest a "$@"
    on a virsh -q start demo --paused
}

# s1 <- s2 <- s3, s1 <- s4; s2 takes only vdb, s3 only vdd.
make_tree() {
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q snapshot-create-as demo s2 --diskspec vdd,snapshot=no > /dev/null
    on a virsh -q snapshot-create-as demo s3 --diskspec vdb,snapshot=no > /dev/null
    on a virsh -q snapshot-revert demo s1
    on a virsh -q snapshot-create-as demo s4 > /dev/null
    assert_equal "$(tags a b.qcow2 d.qcow2)" "b.qcow2:s1 s2 s4 d.qcow2:s1 s3 s4"
    mark
}

@test "a live deletion asks just the snapshot's disks, and the guest goes on" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=qcow2:d.qcow2,snapshot=false vde=qcow2:e.qcow2
    # Another's tag of the same name in a disk that is out.
    qemu-img snapshot -c s1 "$(image a d.qcow2)"
    start_guest a
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    mark
    on a virsh -q snapshot-delete demo s1
    assert_equal "$(snapshot_job a snapshot-delete)" "-: $(node a vdb) $(node a vde)"
    assert_equal "$(qmp_names a | grep -xE 'stop|human-monitor-command')" ""
    assert_equal "$(tags a b.qcow2 d.qcow2 e.qcow2)" "b.qcow2: d.qcow2:s1 e.qcow2:"
    assert_equal "$(snapshots a)" ""
    assert_guest_went_on a a
    assert_no_job a
}

@test "an offline deletion asks just the snapshot's disks" {
    paused_guest vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=qcow2:d.qcow2,snapshot=false
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q destroy demo
    qemu-img snapshot -c s1 "$(image a d.qcow2)"
    on a virsh -q snapshot-delete demo s1
    assert_equal "$(tags a b.qcow2 d.qcow2), snapshots $(snapshots a)" "b.qcow2: d.qcow2:s1, snapshots "
}

@test "--children-only and --children take every descendant out of its own disks, live and offline" {
    local live
    for live in true false; do
        paused_guest vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=qcow2:d.qcow2
        make_tree
        "$live" || on a virsh -q destroy demo
        on a virsh -q snapshot-delete demo s2 --children-only
        assert_equal "$(tags a b.qcow2 d.qcow2)" "b.qcow2:s1 s2 s4 d.qcow2:s1 s4"
        assert_equal "$(snapshots a), current $(current a)" "s1 s2 s4, current s4"
        on a virsh -q snapshot-delete demo s1 --children
        assert_equal "$(tags a b.qcow2 d.qcow2)" "b.qcow2: d.qcow2:"
        assert_equal "$(snapshots a), current $(current a)" ", current "
        ! "$live" || assert_equal "$(snapshot_job a snapshot-delete | sort | xargs)" \
            "-: libvirt-1-format -: libvirt-3-format -: libvirt-3-format libvirt-1-format -: libvirt-3-format libvirt-1-format"
        ! "$live" || on a virsh -q destroy demo
        on a virsh -q undefine demo
    done
}

@test "a snapshot in the middle is deleted and its child has the grandparent for parent" {
    paused_guest vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=qcow2:d.qcow2
    make_tree
    on a virsh -q snapshot-delete demo s2
    assert_equal "$(on a virsh -q snapshot-parent demo s3)" s1
    assert_equal "$(tags a b.qcow2 d.qcow2)" "b.qcow2:s1 s4 d.qcow2:s1 s3 s4"
}

@test "what became of the disks outside the snapshot does not hinder a live deletion" {
    paused_guest vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=raw:d.raw,snapshot=false
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q snapshot-create-as demo s2 > /dev/null
    on a virsh -q snapshot-create-as demo over --disk-only --no-metadata --diskspec vdb,snapshot=no \
        --diskspec vdc,snapshot=external,file=/var/lib/libvirt/images/c.overlay > /dev/null
    on a virsh -q snapshot-delete demo s1
    assert_equal "$(tags a b.qcow2)" b.qcow2:s2
    on a virsh -q resume demo
    wait_for_number a 1
    on a virsh -q detach-disk demo vdd > /dev/null
    wait_until 20 is_unplugged vdd
    on a virsh -q snapshot-delete demo s2
    assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:, snapshots "
}

is_unplugged() { ! on a virsh -q domblklist demo | grep -qw "$1"; }

@test "a raw disk plugged in after a full snapshot does not keep its tag from being deleted" {
    paused_guest vdb=qcow2:b.qcow2
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    make_images a vdc=raw:c.raw
    on a virsh -q attach-device demo "$(disk_file vdc=raw:c.raw)" > /dev/null
    on a virsh -q snapshot-delete demo s1
    assert_equal "$(snapshot_job a snapshot-delete)" "-: $(node a vdb)"
    assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:, snapshots "
}

@test "offline, an image that cannot be cleaned is an error that names it, and the metadata stay" {
    paused_guest vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=qcow2:d.qcow2
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q destroy demo
    mv "$(image a d.qcow2)" "$(image a d.away)"
    run -1 on a virsh -q snapshot-delete demo s1
    assert_output --partial "'/var/lib/libvirt/images/d.qcow2'"
    assert_output --partial "'vdd'"
    assert_equal "$(snapshots a), current $(current a)" "s1, current s1"
    run -1 on a virsh -q snapshot-delete demo s1 --children
    assert_equal "$(snapshots a)" s1
    mv "$(image a d.away)" "$(image a d.qcow2)"
    on a virsh -q snapshot-delete demo s1
    assert_equal "$(tags a b.qcow2 d.qcow2), snapshots $(snapshots a)" "b.qcow2: d.qcow2:, snapshots "
}

@test "offline, an image that refuses to be written is an error, and the metadata stay" {
    paused_guest vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q destroy demo
    # Even root cannot write to a file that is mounted read-only.
    on a mount --bind /var/lib/libvirt/images/b.qcow2 /var/lib/libvirt/images/b.qcow2
    on a mount -o remount,bind,ro /var/lib/libvirt/images/b.qcow2
    run on a virsh -q snapshot-delete demo s1
    on a umount /var/lib/libvirt/images/b.qcow2
    assert_equal "$status" 1
    assert_output --partial "image '/var/lib/libvirt/images/b.qcow2' of disk 'vdb' still holds snapshot 's1'"
    assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:s1, snapshots s1"
}

@test "live, an image that cannot be cleaned is an error, and the metadata stay" {
    small_disk d.qcow2
    make_images a vdb=qcow2:b.qcow2 vdc=raw:c.raw
    define_made a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=qcow2:/mnt/d.qcow2
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q snapshot-create-as demo s2 > /dev/null
    fill_small_disk
    run -1 on a virsh -q snapshot-delete demo s1
    assert_output --partial "deletion of internal snapshot 's1' job failed"
    assert_equal "$(snapshots a), current $(current a)" "s1 s2, current s2"
    on a rm /mnt/filler
    # QEMU has forgotten what it could not write, and says that it succeeded.
    run -1 on a virsh -q snapshot-delete demo s1
    assert_output --partial "image '/mnt/d.qcow2' of disk 'vdd' still holds snapshot 's1'"
    assert_equal "$(snapshots a)" "s1 s2"
    on a virsh -q destroy demo
    on a virsh -q snapshot-delete demo s1
    assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:s2, snapshots s2"
    assert_equal "$(small_disk_tags d.qcow2)" s2
}

@test "live, an image of a whole snapshot that cannot be cleaned is an error, and the metadata stay" {
    small_disk d.qcow2
    make_images a vdb=qcow2:b.qcow2
    define_made a vdb=qcow2:b.qcow2 vdd=qcow2:/mnt/d.qcow2
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q snapshot-create-as demo s2 > /dev/null
    fill_small_disk
    run -1 on a virsh -q snapshot-delete demo s1
    assert_output --partial "deletion of internal snapshot 's1' job failed"
    run -1 on a virsh -q snapshot-delete demo s1
    assert_output --partial "image '/mnt/d.qcow2' of disk 'vdd' still holds snapshot 's1'"
    assert_equal "$(snapshots a)" "s1 s2"
    on a rm /mnt/filler
    on a virsh -q destroy demo
    on a virsh -q snapshot-delete demo s1
    assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:s2, snapshots s2"
    assert_equal "$(small_disk_tags d.qcow2)" s2
}

@test "live, a disk of the snapshot that was unplugged is an error, also for a child" {
    paused_guest vdb=qcow2:b.qcow2 vdd=qcow2:d.qcow2 vde=raw:e.raw,snapshot=false
    on a virsh -q resume demo
    on a virsh -q snapshot-create-as demo s1 --diskspec vdd,snapshot=no > /dev/null
    on a virsh -q snapshot-create-as demo s2 > /dev/null
    wait_for_number a 1
    on a virsh -q detach-disk demo vdd > /dev/null
    wait_until 20 is_unplugged vdd
    on a virsh -q detach-disk demo vde > /dev/null
    wait_until 20 is_unplugged vde
    run -1 on a virsh -q snapshot-delete demo s2
    assert_output --partial "'vdd'"
    assert_output --partial "'s2'"
    assert_output --partial "attach it again or shut the domain off"
    run -1 on a virsh -q snapshot-delete demo s1 --children
    assert_output --partial "'vdd'"
    assert_equal "$(tags a d.qcow2), snapshots $(snapshots a)" "d.qcow2:s2, snapshots s1 s2"
    on a virsh -q destroy demo
    on a virsh -q snapshot-delete demo s1 --children
    assert_equal "$(tags a b.qcow2 d.qcow2), snapshots $(snapshots a)" "b.qcow2: d.qcow2:, snapshots "
}

@test "--metadata leaves the tags where they are" {
    paused_guest vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    mark
    on a virsh -q snapshot-delete demo s1 --metadata
    assert_equal "$(qmp a)" ""
    assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:s1, snapshots "
}

@test "a redefined snapshot that has no disk is deleted from a running guest" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q snapshot-dumpxml demo s1 |
        sed "s/snapshot='internal'/snapshot='no'/; s/<name>s1</<name>none</" > "$BATS_TEST_TMPDIR/none.xml"
    on a virsh -q snapshot-create demo "$BATS_TEST_TMPDIR/none.xml" --redefine > /dev/null
    on a virsh -q start demo --paused
    mark
    run -0 on a virsh -q snapshot-delete demo none
    run ! is_sent a snapshot-delete
    assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:s1, snapshots s1"
}
