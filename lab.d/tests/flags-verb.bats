#!/usr/bin/env bats
# virsh domblkflags: it sets flags, and what it shows is what is done.
# bats file_tags=any-qemu

bats_require_minimum_version 1.5.0
load lab
load snapshot

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() {
    # A test that failed may have left something to wait for.
    thaw_qemu
    end_virsh
    lab_teardown
}

# flagged_guest: a guest with a shared disk and three local ones.
flagged_guest() {
    define_guest a vda=nbd:vda,shareable vdb=qcow2:b.qcow2 vdc=raw:c.raw vdd=qcow2:d.qcow2 hdc=cdrom:
}

@test "domblkflags sets flags of a running guest and sends QEMU nothing" {
    flagged_guest
    start_guest a
    mark
    on a virsh -q domblkflags demo vdb vdc --migrate false --snapshot true --live
    assert_equal "$(flags_of a vdb) / $(flags_of a vdc)" \
        "migrate=false snapshot=true / migrate=false snapshot=true"
    assert_equal "$(flags_of a vdb --inactive)" ""
    assert_equal "$(qmp_names a)" ""
}

@test "domblkflags sets the persistent flags of a running guest" {
    flagged_guest
    start_guest a
    on a virsh -q domblkflags demo vdb --snapshot false --config
    assert_equal "$(flags_of a vdb)" ""
    assert_equal "$(flags_of a vdb --inactive)" "snapshot=false"
}

@test "domblkflags sets both definitions of a running guest" {
    flagged_guest
    start_guest a
    on a virsh -q domblkflags demo vdb --snapshot false --live --config
    assert_equal "$(flags_of a vdb) / $(flags_of a vdb --inactive)" "snapshot=false / snapshot=false"
}

@test "domblkflags names disks by their source too and leaves the other flag alone" {
    flagged_guest
    on a virsh -q domblkflags demo vdb --migrate false
    on a virsh -q domblkflags demo /var/lib/libvirt/images/b.qcow2 --snapshot true
    assert_equal "$(flags_of a vdb)" "migrate=false snapshot=true"
    on a virsh -q domblkflags demo vdb --migrate default
    assert_equal "$(flags_of a vdb)" "snapshot=true"
}

@test "domblkflags --all sets every disk that can have the flag and no other" {
    flagged_guest
    on a virsh -q domblkflags demo --all --migrate true
    assert_equal "$(flags_of a vda) $(flags_of a vdb) $(flags_of a vdc) $(flags_of a vdd)" \
        "migrate=true migrate=true migrate=true migrate=true"
    assert_equal "$(flags_of a hdc)" ""
}

@test "a disk that cannot have the flag keeps domblkflags from setting any" {
    flagged_guest
    run ! on a virsh -q domblkflags demo vdb hdc --migrate true
    assert_output --partial "disk 'hdc'"
    assert_equal "$(flags_of a vdb)" ""
}

@test "what domblkflags prints as JSON can be given back, and sets all flags of all disks" {
    flagged_guest
    start_guest a
    on a virsh -q domblkflags demo vdb --migrate false --snapshot true --live
    on a virsh -q domblkflags demo vdc --backup false --live
    on a virsh -q domblkflags demo --json > "$BATS_TEST_TMPDIR/flags.json"
    on a virsh -q domblkflags demo vdb vdc vdd --migrate true --snapshot default --backup true --live --config
    on a virsh -q domblkflags demo --from-json "$BATS_TEST_TMPDIR/flags.json" --live --config
    for how in "" --inactive; do
        assert_equal "$(flags_of a vdb $how) / $(flags_of a vdc $how) / $(flags_of a vdd $how)" \
            "migrate=false snapshot=true / backup=false / "
    done
}

@test "a file of flags with a disk that the guest does not have changes none" {
    flagged_guest
    echo '[{"target": "vdb", "migrate": {"flag": true}}, {"target": "vdx"}]' > "$BATS_TEST_TMPDIR/flags.json"
    run ! on a virsh -q domblkflags demo --from-json "$BATS_TEST_TMPDIR/flags.json"
    assert_output --partial "no disk has the target or the source 'vdx'"
    assert_equal "$(flags_of a vdb)" ""
}

@test "a disk that only one of both definitions has keeps domblkflags from setting any" {
    flagged_guest
    start_guest a
    make_images a vde=raw:e.raw
    on a virsh -q attach-device demo "$(disk_file vde=raw:e.raw)" --config
    run ! on a virsh -q domblkflags demo vdb vde --snapshot true --live --config
    assert_output --partial "no disk has the target or the source 'vde' in the running definition"
    assert_equal "$(flags_of a vdb) $(flags_of a vdb --inactive)" " "
}

@test "what fails half-way makes domblkflags put back what it changed" {
    flagged_guest
    start_guest a
    on a virsh -q domblkflags demo vdb --snapshot false --live
    # The running definition is changed before the persistent one can't be saved.
    on a mount --bind /etc/libvirt/qemu /etc/libvirt/qemu
    on a mount -o remount,bind,ro /etc/libvirt/qemu
    run ! on a virsh -q domblkflags demo vdb vdc --migrate false --live --config
    on a umount /etc/libvirt/qemu
    assert_output --partial "Read-only file system"
    assert_equal "$(flags_of a vdb) / $(flags_of a vdc)" "snapshot=false / "
    assert_equal "$(flags_of a vdb --inactive) / $(flags_of a vdc --inactive)" " / "
}

@test "a migration obeys at once what domblkflags set, as its plan says" {
    flagged_guest
    start_guest a
    on a virsh -q domblkflags demo vdc vdd --migrate false --live
    make_images b vdb=qcow2:b.qcow2 vdc=raw:c.raw vdd=qcow2:d.qcow2
    planned=$(planned_copies a)
    assert_equal "$planned" vdb
    mark
    run -0 migrate a b managed --copy-storage-all --unsafe
    assert_copied a b "$planned"
    assert_guest_went_on a b
}

@test "a migration says once which disks it copies, and which not, and why" {
    flagged_guest
    start_guest a
    on a virsh -q domblkflags demo vdc vdd --migrate false --live
    make_images b vdb=qcow2:b.qcow2 vdc=raw:c.raw vdd=qcow2:d.qcow2
    mark
    run -0 migrate a b managed --copy-storage-all --unsafe --verbose
    assert_output --partial "Disks that are copied: vdb; not copied: vda (shareable) vdc (flag) vdd (flag)"
    assert_equal "$(since_mark a | grep -c "decide which are copied: 'vdb', and not 'vda vdc vdd'")" 1
}

@test "a snapshot obeys at once what domblkflags set, as its plan says" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw vdd=qcow2:d.qcow2
    start_guest a
    on a virsh -q domblkflags demo vdc --snapshot false --live
    planned=$(on a virsh -q domblkflags demo --json |
        jq -r '.[] | select(.snapshot.selected and (.snapshot.refused | not)) | .target' | xargs)
    assert_equal "$planned" "vdb vdd"
    mark
    run -0 on a virsh -q snapshot-create-as demo s1
    assert_equal "$(qmp a snapshot-save | jq '.arguments.devices | length')" 2
    assert_equal "$(qcow2_tags a b.qcow2) $(qcow2_tags a d.qcow2)" "s1 s1"
    assert_equal "$(on a virsh -q snapshot-dumpxml demo s1 |
        xmllint --xpath '//disks/disk[@snapshot="internal"]/@name' - | cut -d '"' -f 2 | xargs)" "$planned"
}

# snapshot_as_planned: a plain snapshot takes what the plan says, or is refused
# where the plan says so.
snapshot_as_planned() {
    local plan taken refused
    plan=$(on a virsh -q domblkflags demo --json)
    taken=$(jq -r '[.[] | select(.snapshot.selected) | .target] | join(" ")' <<< "$plan")
    refused=$(jq -r '[.[] | select(.snapshot.refused) | .target] | join(" ")' <<< "$plan")
    mark
    run on a virsh -q snapshot-create-as demo s1
    if [ -n "$refused" ]; then
        assert_equal "$status" 1
        assert_output --partial "internal snapshot for disk $refused unsupported"
    elif [ -z "$taken" ]; then
        assert_equal "$status" 1
        assert_output --partial "nothing selected for snapshot"
    else
        assert_equal "$status" 0
        assert_equal "$(qmp a snapshot-save | jq '.arguments.devices | length')" "$(wc -w <<< "$taken")"
        assert_equal "$(on a virsh -q snapshot-dumpxml demo s1 |
            xmllint --xpath '//disks/disk[@snapshot="internal"]/@name' - | cut -d '"' -f 2 | xargs)" "$taken"
        on a virsh -q snapshot-delete demo s1
    fi
}

@test "whatever the flags, a snapshot takes what the plan says or is refused where it says so" {
    local b c d
    define_guest a vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2 vdd=raw:d.raw hdc=cdrom:
    on a virsh -q start demo --paused
    for b in true false default; do
        for c in true false default; do
            for d in true false default; do
                echo "# vdb $b, vdc $c, vdd $d"
                on a virsh -q domblkflags demo vdb --snapshot "$b"
                on a virsh -q domblkflags demo vdc --snapshot "$c"
                on a virsh -q domblkflags demo vdd --snapshot "$d"
                snapshot_as_planned
            done
        done
    done
}

@test "flags set on a running guest survive a restart of libvirtd" {
    flagged_guest
    start_guest a
    on a virsh -q domblkflags demo vdb --migrate false --live
    lab restart a > /dev/null
    assert_equal "$(flags_of a vdb)" "migrate=false"
}

# A migration that would take minutes.
slow_migration() {
    DISK_SIZE=64M define_guest a vdb=raw:b.raw
    dd if=/dev/urandom of="$(image a b.raw)" bs=1M seek=8 count=56 conv=notrunc status=none
    start_guest a
    mark
    migrate_in_background a b p2p --copy-storage-all --bandwidth 1
    wait_until 20 job_copies
}
job_copies() { [ "$(qmp_events a JOB_STATUS_CHANGE | jq -r 'select(.data.status == "running") | .data.id')" ]; }

@test "changing flags during a migration waits for its end and then applies" {
    slow_migration
    on a virsh -q domblkflags demo vdb --migrate false --live > "$BATS_TEST_TMPDIR/verb" 2>&1 3>&- &
    verb=$!
    assert_equal "$(flags_of a vdb)" ""
    on a virsh -q domjobabort demo
    assert_background_failed "canceled"
    wait "$verb"
    assert_equal "$(flags_of a vdb)" "migrate=false"
}

@test "changing flags while a snapshot is taken waits for its end and then applies" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    start_guest a
    mark
    hold_in snapshot-save snapshot-create-as demo s1
    # The client gives up, and libvirtd goes on to wait for it.
    run -124 timeout 2 "$ROOT/lab" a virsh -q domblkflags demo vdb --migrate false --live
    assert_equal "$(flags_of a vdb)" ""
    thaw_qemu
    wait "$(cat "$BATS_TEST_TMPDIR/virsh.pid")"
    wait_until 20 has_flags "migrate=false"
    assert_equal "$(qcow2_tags a b.qcow2)" s1
}
has_flags() { [ "$(flags_of a vdb)" = "$1" ]; }

@test "changing flags during a migration that does not end times out and changes nothing" {
    slow_migration
    run ! on a virsh -q domblkflags demo vdb --migrate false --live
    assert_output --partial "cannot acquire state change lock"
    on a virsh -q domjobabort demo
    assert_background_failed "canceled"
    assert_equal "$(flags_of a vdb)" ""
}

@test "several writers at once keep what the others set" {
    local target pids=()
    flagged_guest
    start_guest a
    for target in vdb vdc; do
        on a virsh -q domblkflags demo $target --migrate false --live > "$BATS_TEST_TMPDIR/$target-1" 2>&1 3>&- &
        pids+=($!)
        on a virsh -q domblkflags demo $target --snapshot false --live > "$BATS_TEST_TMPDIR/$target-2" 2>&1 3>&- &
        pids+=($!)
        on a virsh -q domblkflags demo $target --migrate false --config > "$BATS_TEST_TMPDIR/$target-3" 2>&1 3>&- &
        pids+=($!)
        on a virsh -q domblkflags demo $target --snapshot false --config > "$BATS_TEST_TMPDIR/$target-4" 2>&1 3>&- &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid" || fail "a writer failed: $(cat "$BATS_TEST_TMPDIR"/vd?-?)"
    done
    for target in vdb vdc; do
        assert_equal "$(flags_of a $target)" "migrate=false snapshot=false"
        assert_equal "$(flags_of a $target --inactive)" "migrate=false snapshot=false"
    done
}

@test "a read-only connection shows flags, and says that it cannot set them" {
    flagged_guest
    on a virsh -q -r domblkflags demo > /dev/null
    run ! on a virsh -q -r domblkflags demo vdb --migrate false
    assert_output "error: flags of disks cannot be set over a read-only connection: leave out --readonly (-r)"
}

@test "domblkflags fails against a daemon that drops flags" {
    new_lab --stock b
    make_images b vdb=qcow2:b.qcow2
    "$ROOT/lab.d/guest-xml" demo vdb=qcow2:b.qcow2 > "$BATS_TEST_TMPDIR/demo.xml"
    on b virsh -q define "$BATS_TEST_TMPDIR/demo.xml"
    run ! on a virsh -q -c qemu+tcp://b/system domblkflags demo vdb --migrate false
    assert_output --partial "the flag <migrate> of disk 'vdb' was dropped: the libvirt daemon does not know <flags>"
}
