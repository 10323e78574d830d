#!/usr/bin/env bats
# What a revert needs besides the snapshot: it is looked for while the guest runs.

bats_require_minimum_version 1.5.0
load lab
load snapshot

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() {
    lab_teardown
    forget_small_disk
    on a rm -f /run/kernel
}

# paused_guest_with_snapshot DISK...: with snapshot s1.
paused_guest_with_snapshot() {
    define_guest a "$@"
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    QEMU=$(qemu_pid a)
    mark
}

# assert_refused WORD...: the revert that was run said so; the very QEMU is there.
assert_refused() {
    local word
    assert_equal "$status" 1
    assert_output --partial "cannot revert to snapshot 's1'"
    for word; do
        assert_output --partial "$word"
    done
    assert_equal "$(qmp_names a | grep -vE '^(query-|qom-)' | xargs)" ""
    assert_equal "$(qemu_pid a) $(state_of a)" "$QEMU paused"
    assert_no_job a
}

# start_other DISK: another guest, which holds the disk's image.
start_other() {
    "$ROOT/lab.d/guest-xml" other "$1" > "$BATS_TEST_TMPDIR/other.xml"
    on a virsh -q create "$BATS_TEST_TMPDIR/other.xml" --paused > /dev/null
}

detach() {
    on a virsh -q detach-disk demo "$1" --config > /dev/null
    on a virsh -q destroy demo
    on a virsh -q start demo --paused
    QEMU=$(qemu_pid a)
    mark
}

# --- Sources -----------------------------------------------------------------

@test "a medium that was ejected and removed is missed while the guest runs" {
    make_images a hdc=raw:cd.iso
    paused_guest_with_snapshot vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false hdc=cdrom:cd.iso
    on a virsh -q change-media demo hdc --eject > /dev/null
    mv "$(image a cd.iso)" "$(image a away)"
    mark
    run on a virsh -q snapshot-revert demo s1
    assert_refused "disk 'hdc'" "/var/lib/libvirt/images/cd.iso"
    run on a virsh -q snapshot-revert demo s1 --force
    assert_refused "disk 'hdc'"
    mv "$(image a away)" "$(image a cd.iso)"
    on a virsh -q snapshot-revert demo s1
    assert_equal "$(on a virsh -q domblklist demo | awk '$1 == "hdc" { print $2 }')" /var/lib/libvirt/images/cd.iso
}

@test "the image of a disk outside that was unplugged and removed is missed" {
    paused_guest_with_snapshot vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    detach vdc
    rm "$(image a c.raw)"
    run on a virsh -q snapshot-revert demo s1
    assert_refused "disk 'vdc'" "/var/lib/libvirt/images/c.raw"
}

@test "a disk outside whose file is gone though QEMU has it open is missed" {
    paused_guest_with_snapshot vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    rm "$(image a c.raw)"
    run on a virsh -q snapshot-revert demo s1
    assert_refused "disk 'vdc'" "was removed"
}

@test "a disk outside on an export that is gone is missed" {
    paused_guest_with_snapshot vda=nbd:a,snapshot=false vdb=qcow2:b.qcow2
    mv "$LDF_LAB/nbd/a" "$LDF_LAB/nbd/away"
    run on a virsh -q snapshot-revert demo s1
    assert_refused "disk 'vda'" "nbd"
    mv "$LDF_LAB/nbd/away" "$LDF_LAB/nbd/a"
    on a virsh -q snapshot-revert demo s1
}

@test "a server that takes one client keeps no revert from going on" {
    define_guest a vda=nbd:a,snapshot=false vdb=qcow2:b.qcow2
    on a virsh -q undefine demo
    sed -i "s/name='192.0.2.1' port='10809'/name='127.0.0.1' port='10810'/" "$BATS_TEST_TMPDIR/demo.xml"
    on a virsh -q define "$BATS_TEST_TMPDIR/demo.xml" > /dev/null
    on a truncate -s 8M /run/export
    on a qemu-nbd --fork --persistent --shared 1 --bind 127.0.0.1 --port 10810 --export-name a \
        --format raw --pid-file /run/qemu-nbd.pid /run/export
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    QEMU=$(qemu_pid a)
    run on a timeout 60 virsh -q snapshot-revert demo s1
    on a sh -c 'kill "$(cat /run/qemu-nbd.pid)"; rm /run/export'
    assert_success
    [ "$(qemu_pid a)" != "$QEMU" ]
}

@test "an image that another guest holds is told, in the snapshot or not" {
    paused_guest_with_snapshot vda=qcow2:a.qcow2 vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    local disk
    for disk in vdb=qcow2:b.qcow2 vdc=raw:c.raw; do
        detach "${disk%%=*}"
        start_other "$disk"
        mark
        run on a virsh -q snapshot-revert demo s1
        assert_refused "disk '${disk%%=*}'" "/var/lib/libvirt/images/${disk#*:}" "lock"
        on a virsh -q destroy other
        on a virsh -q snapshot-revert demo s1
        QEMU=$(qemu_pid a)
    done
}

@test "a kernel that is gone is missed" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    on a cp /var/lib/libvirt/boot/vmlinuz /run/kernel
    on a virsh -q dumpxml demo | sed 's,/var/lib/libvirt/boot/vmlinuz,/run/kernel,' > "$BATS_TEST_TMPDIR/demo.xml"
    on a virsh -q define "$BATS_TEST_TMPDIR/demo.xml" > /dev/null
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    QEMU=$(qemu_pid a)
    on a rm /run/kernel
    mark
    run on a virsh -q snapshot-revert demo s1
    assert_refused "the kernel '/run/kernel' is not there"
}

@test "a guest that was off is not started in vain: its definition stays, and so does the error's word" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q detach-disk demo vdc --config > /dev/null
    on a virsh -q destroy demo
    rm "$(image a c.raw)"
    run -1 on a virsh -q snapshot-revert demo s1
    assert_output --partial "domain 'demo' is shut off now with the definition that it had"
    assert_equal "$(on a virsh -q domblklist demo | awk '{ print $1 }' | xargs)" vdb
    on a virsh -q start demo --paused
}

@test "a running guest that could not be started again is told to be off, and starts as it was" {
    paused_guest_with_snapshot vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    on a virsh -q snapshot-dumpxml demo s1 --security-info |
        sed 's,/var/log/libvirt/demo.serial,/run/nowhere/demo.serial,' > "$BATS_TEST_TMPDIR/s1.xml"
    on a virsh -q snapshot-create demo "$BATS_TEST_TMPDIR/s1.xml" --redefine > /dev/null
    run -1 on a virsh -q snapshot-revert demo s1
    assert_output --partial "cannot revert to snapshot 's1': domain 'demo' is shut off now"
    assert_output --partial "/run/nowhere/demo.serial"
    assert_equal "$(state_of a)" "shut off"
    on a virsh -q start demo --paused
}

@test "a transient guest that could not be started again is gone, and the error says so" {
    make_images a vdb=qcow2:b.qcow2 vdc=raw:c.raw
    "$ROOT/lab.d/guest-xml" demo vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false > "$BATS_TEST_TMPDIR/demo.xml"
    on a virsh -q create "$BATS_TEST_TMPDIR/demo.xml" --paused > /dev/null
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q snapshot-dumpxml demo s1 --security-info |
        sed 's,/var/log/libvirt/demo.serial,/run/nowhere/demo.serial,' > "$BATS_TEST_TMPDIR/s1.xml"
    on a virsh -q snapshot-create demo "$BATS_TEST_TMPDIR/s1.xml" --redefine > /dev/null
    run -1 on a virsh -q snapshot-revert demo s1
    assert_output --partial "cannot revert to snapshot 's1': the transient domain 'demo' has ended; create it again"
    assert_output --partial "/run/nowhere/demo.serial"
    assert_equal "domains: $(on a virsh -q list --all --name | xargs)" "domains: "
    on a virsh -q create "$BATS_TEST_TMPDIR/demo.xml" --paused > /dev/null
}

# --- Disks that are kept -----------------------------------------------------

@test "a disk outside keeps its flags, live and in the definition" {
    paused_guest_with_snapshot vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    on a virsh -q domblkflags demo vdc --migrate false --live --config
    on a virsh -q domblkflags demo vdb --migrate false --live --config
    on a virsh -q snapshot-revert demo s1
    assert_equal "$(flags_of a vdc)" "migrate=false snapshot=false"
    assert_equal "$(flags_of a vdc --inactive)" "migrate=false snapshot=false"
    # What is in the snapshot is as it was.
    assert_equal "$(flags_of a vdb)" ""
}

@test "a drive that has a disk's target by now is told" {
    define_guest a vdb=qcow2:b.qcow2 sdc=raw:c.raw,snapshot=false
    sed 's/bus=.virtio./bus="sata"/' "$BATS_TEST_TMPDIR/demo.xml" > "$BATS_TEST_TMPDIR/sata.xml"
    on a virsh -q undefine demo
    on a virsh -q define "$BATS_TEST_TMPDIR/sata.xml" > /dev/null
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q detach-disk demo sdc --config > /dev/null
    disk_xml hdc=cdrom: | sed 's/hdc/sdc/; s/bus=.ide./bus="sata"/' > "$BATS_TEST_TMPDIR/cdrom.xml"
    on a virsh -q attach-device demo "$BATS_TEST_TMPDIR/cdrom.xml" --config > /dev/null
    run -1 on a virsh -q snapshot-revert demo s1
    assert_output --partial "disk 'sdc', which is not in it, was a 'disk' then and is a 'cdrom' now; detach it first"
    on a virsh -q detach-disk demo sdc --config > /dev/null
    on a virsh -q snapshot-revert demo s1
}

@test "an image that has another disk's target by now does not become two disks" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=raw:d.raw,snapshot=false
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q detach-disk demo vdc --config > /dev/null
    on a virsh -q detach-disk demo vdd --config > /dev/null
    on a virsh -q attach-device demo "$(disk_file vdd=raw:c.raw,snapshot=false)" --config > /dev/null
    on a virsh -q dumpxml demo > "$BATS_TEST_TMPDIR/before.xml"
    run -1 on a virsh -q snapshot-revert demo s1
    assert_output --partial "disk 'vdd', which is not in it, has the image '/var/lib/libvirt/images/c.raw' now, which disk 'vdc' would have, too; detach disk 'vdd' first"
    on a virsh -q dumpxml demo | diff "$BATS_TEST_TMPDIR/before.xml" -
    # The same while it runs, which nothing stops.
    on a virsh -q start demo --paused
    run -1 on a virsh -q snapshot-revert demo s1
    assert_output --partial "detach disk 'vdd' first"
    assert_equal "$(state_of a)" paused
    on a virsh -q destroy demo
    on a virsh -q detach-disk demo vdd --config > /dev/null
    on a virsh -q snapshot-revert demo s1
    assert_equal "$(on a virsh -q domblklist demo | awk '{ print $1 }' | xargs)" "vdb vdc vdd"
}

# --- What would be lost ------------------------------------------------------

@test "an image that has an overlay by now is reverted with --force only" {
    local off
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q snapshot-create-as demo --disk-only --no-metadata \
        --diskspec vdb,snapshot=external,file=/var/lib/libvirt/images/b.overlay > /dev/null
    for off in no yes; do
        [ $off = no ] || on a virsh -q destroy demo
        run -1 on a virsh -q snapshot-revert demo s1
        assert_output --partial "image '/var/lib/libvirt/images/b.qcow2' of disk 'vdb' is the backing file of '/var/lib/libvirt/images/b.overlay' now"
        assert_output --partial "blockcommit"
        assert_equal "$(on a virsh -q domblklist demo | awk '$1 == "vdb" { print $2 }')" /var/lib/libvirt/images/b.overlay
    done
    on a virsh -q snapshot-revert demo s1 --force
    assert_equal "$(on a virsh -q domblklist demo | awk '$1 == "vdb" { print $2 }')" /var/lib/libvirt/images/b.qcow2
}

@test "a guest that waits for a disk outside to take its writes is not taken" {
    small_disk unused.qcow2
    on a truncate -s 8M /mnt/c.raw
    make_images a vdb=qcow2:b.qcow2
    on a rm /mnt/unused.qcow2
    define_made a vdb=qcow2:b.qcow2 vdc=raw:/mnt/c.raw,snapshot=false
    start_guest a
    fill_small_disk
    wait_until 60 is_paused
    mark
    run -1 on a virsh -q snapshot-create-as demo s1
    assert_output --partial "domain 'demo' is paused by an I/O error of disk 'vdc', which snapshot 's1' leaves out"
    assert_output --partial "resume"
    run ! is_sent a snapshot-save
    assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:, snapshots "
    # The remedy is one.
    on a rm /mnt/filler
    on a virsh -q resume demo
    on a virsh -q snapshot-create-as demo s1 > /dev/null
}

is_paused() { [ "$(state_of a)" = paused ]; }

# damage_snapshot IMAGE: QEMU opens it but cannot go back to its last snapshot.
damage_snapshot() { "$ROOT/lab.d/faults.d/damage" "$(image a "$1")" > /dev/null; }

@test "a revert that fails at one disk says which disks are back" {
    define_guest a vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2 vdd=raw:d.raw,snapshot=false
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q destroy demo
    damage_snapshot c.qcow2
    on a virsh -q start demo --paused
    run -1 on a virsh -q snapshot-revert demo s1
    assert_output --partial "domain 'demo' is shut off now"
    assert_output --partial "disk that failed: 'vdc'; disks that hold the snapshot's contents now: 'vdb'"
    assert_equal "$(state_of a), snapshots $(snapshots a)" "shut off, snapshots s1"
}

@test "an offline revert that fails at one disk leaves the others as they were" {
    define_guest a vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2 vdd=raw:d.raw,snapshot=false
    qemu-io -c 'write -q -P 1 4M 64k' "$(image a b.qcow2)"
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    qemu-io -c 'write -q -P 2 4M 64k' "$(image a b.qcow2)"
    damage_snapshot c.qcow2
    run -1 on a virsh -q snapshot-revert demo s1
    assert_output --partial "'vdc'"
    run -0 qemu-io -r -c 'read -P 2 4M 64k' "$(image a b.qcow2)"
    refute_output --partial "verification failed"
    assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:s1, snapshots s1"
}

@test "where the images cannot be put forth again either, the error says what holds their contents" {
    local kept
    mkdir "$BATS_TEST_TMPDIR/bin"
    cat > "$BATS_TEST_TMPDIR/bin/qemu-img" <<'EOF'
#!/bin/sh
case "$*" in *"snapshot -a libvirt-before-revert"*) echo "no room" >&2; exit 1 ;; esac
exec /usr/bin/qemu-img "$@"
EOF
    chmod 755 "$BATS_TEST_TMPDIR/bin/qemu-img"
    restart_libvirtd_with PATH="$BATS_TEST_TMPDIR/bin:$PATH"
    define_guest a vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2 vdd=raw:d.raw,snapshot=false
    qemu-io -c 'write -q -P 1 4M 64k' "$(image a b.qcow2)"
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    qemu-io -c 'write -q -P 2 4M 64k' "$(image a b.qcow2)"
    damage_snapshot c.qcow2
    run on a virsh -q snapshot-revert demo s1
    lab stop a
    lab start a
    assert_failure 1
    assert_output --partial "'vdc'"
    kept=$(sed -n "s/.*in its snapshot '\(libvirt-before-revert-[0-9]*\)'.*/\1/p" <<< "$output")
    assert_equal "$(tags a b.qcow2 c.qcow2)" "b.qcow2:s1 $kept c.qcow2:s1 $kept"
    run -0 qemu-io -r -c 'read -P 1 4M 64k' "$(image a b.qcow2)"
    refute_output --partial "verification failed"
    qemu-img snapshot -a "$kept" "$(image a b.qcow2)"
    run -0 qemu-io -r -c 'read -P 2 4M 64k' "$(image a b.qcow2)"
    refute_output --partial "verification failed"
}
