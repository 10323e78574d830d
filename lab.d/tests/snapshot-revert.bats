#!/usr/bin/env bats
# Reverts to internal snapshots that leave disks out.

bats_require_minimum_version 1.5.0
load lab
load snapshot

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() { lab_teardown; }

sum_of() { sha256sum < "$(image a "$1")"; }

# A running guest with snapshot s1 of vdb; vdc is left out and written on since.
guest_with_snapshot() {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false "$@"
    start_guest a
    BEFORE=$(guest_number a)
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    AFTER=$(guest_number a)
    wait_for_number a $((AFTER + 1))
    mark
}

# The same, but paused before it has booted: enough where nothing may happen.
paused_guest_with_snapshot() {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    on a virsh -q start demo --paused > /dev/null
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    mark
}

# assert_refused_and_untouched WORD...: the revert that was run said so, and the
# very QEMU that was there has been told nothing that changes the guest.
assert_refused_and_untouched() {
    local word
    assert_equal "$status" 1
    for word; do
        assert_output --partial "$word"
    done
    assert_equal "$(qmp_names a | grep -vE '^(query-|qom-)' | xargs)" ""
    assert_equal "$(on a virsh -q domjobinfo demo | awk '/Job type/ { print $3 }')" None
}

# check_revert FROM SNAPSHOT [--force]: reverts to the snapshot and looks at the
# disks in it and outside it.
check_revert() {
    local snapshot=$2 before last
    echo "revert from $1 to $2 ${3-}"
    assert_equal "$(state_of a)" "$1"
    last=$(last_stamp a c.raw)
    before=$(sum_of c.raw)
    mark
    serial_mark a
    # shellcheck disable=SC2086 # no word when empty
    on a virsh -q snapshot-revert demo "$snapshot" ${3-}
    assert_equal "$(current a)" "$snapshot"
    case $snapshot in
    of-running)
        assert_equal "$(state_of a)" running
        assert_equal "$(qmp_names a | grep -xE 'snapshot-load|cont' | xargs)" "snapshot-load cont"
        assert_running_from a "$BEFORE" "$AFTER"
        [ "$(last_stamp a c.raw)" -ge "$last" ] || fail "c.raw lost stamps after $(last_stamp a c.raw)"
        ;;
    of-paused)
        assert_equal "$(state_of a)" paused
        assert_equal "$(qmp_names a | grep -xE 'snapshot-load|cont' | xargs)" "snapshot-load"
        assert_equal "b.qcow2 ends with $(last_stamp a b.qcow2)" "b.qcow2 ends with $PAUSED"
        ;;
    of-shutoff)
        assert_equal "$(state_of a)" "shut off"
        assert_equal "$(stamps_of a b.qcow2)" ""
        ;;
    esac
    if [ "$1" != running ] && [ "$snapshot" != of-running ]; then
        assert_equal "$(sum_of c.raw)" "$before"
    fi
    if [ "$snapshot" != of-shutoff ]; then
        assert_equal "$(snapshot_job a snapshot-load)" "$(node a vdb): $(node a vdb)"
    fi
}

@test "every state reverts to every state, forced or not, and leaves the other disk alone" {
    local force
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false hdc=cdrom:
    on a virsh -q snapshot-create-as demo of-shutoff > /dev/null
    start_guest a
    BEFORE=$(guest_number a)
    on a virsh -q snapshot-create-as demo of-running > /dev/null
    AFTER=$(guest_number a)
    PAUSED=$(pause_after a $((AFTER + 1)))
    on a virsh -q snapshot-create-as demo of-paused > /dev/null
    on a virsh -q resume demo
    wait_for_number a $((PAUSED + 2))
    # One walk through all nine transitions.
    for force in "" --force; do
        check_revert running of-running "$force"
        check_revert running of-paused "$force"
        check_revert paused of-paused "$force"
        check_revert paused of-shutoff "$force"
        check_revert "shut off" of-shutoff "$force"
        check_revert "shut off" of-running "$force"
        check_revert running of-shutoff "$force"
        check_revert "shut off" of-paused "$force"
        check_revert paused of-running "$force"
    done
    refute grep -q -e -loadvm "$LDF_LAB/a/log/qemu/demo.log"
    assert_equal "$(tags a b.qcow2)" "b.qcow2:of-shutoff of-running of-paused"
}

@test "--paused and --running say how the guest goes on" {
    paused_guest_with_snapshot
    on a virsh -q snapshot-revert demo s1 --running
    assert_equal "$(state_of a)" running
    assert_equal "$(qmp_names a | grep -xE 'snapshot-load|cont' | xargs)" "snapshot-load cont"
    on a virsh -q snapshot-create-as demo s2 > /dev/null
    mark
    on a virsh -q snapshot-revert demo s2 --paused
    assert_equal "$(state_of a)" paused
    assert_equal "$(qmp_names a | grep -xE 'snapshot-load|cont' | xargs)" snapshot-load
}

# Its backing file has a name that only the host knows.
overlay_ends_with() {
    on a "$ROOT/lab.d/stamps" /var/lib/libvirt/images/c.overlay |
        awk -v session="$(guest_session a)" '$1 == session { print $3 }'
}

@test "a disk outside that was given an overlay since keeps it" {
    local last sum
    guest_with_snapshot
    on a virsh -q snapshot-create-as demo --disk-only --no-metadata \
        --diskspec vdb,snapshot=no \
        --diskspec vdc,snapshot=external,file=/var/lib/libvirt/images/c.overlay > /dev/null
    wait_for_number a $(($(guest_number a) + 1))
    on a virsh -q suspend demo
    last=$(overlay_ends_with)
    sum=$(sum_of c.raw)
    serial_mark a
    on a virsh -q snapshot-revert demo s1
    assert_running_from a "$BEFORE" "$AFTER"
    assert_equal "$(on a virsh -q domblklist demo | awk '$1 == "vdc" { print $2 }')" /var/lib/libvirt/images/c.overlay
    assert_equal "$(on a virsh -q domblklist demo --inactive | awk '$1 == "vdc" { print $2 }')" /var/lib/libvirt/images/c.overlay
    [ "$(overlay_ends_with)" -ge "$last" ]
    assert_equal "$(sum_of c.raw)" "$sum"
    on a virsh -q destroy demo
    # The same from shut off, where the definition on disk says what is present.
    serial_mark a
    on a virsh -q snapshot-revert demo s1
    assert_running_from a "$BEFORE" "$AFTER"
    assert_equal "$(on a virsh -q domblklist demo | awk '$1 == "vdc" { print $2 }')" /var/lib/libvirt/images/c.overlay
    [ "$(overlay_ends_with)" -ge "$last" ]
}

@test "disks unplugged and plugged since do not hinder a revert" {
    local sum
    guest_with_snapshot vdd=raw:d.raw,snapshot=false
    make_images a vde=raw:e.raw
    on a virsh -q attach-device demo "$(disk_file vde=raw:e.raw)" > /dev/null
    wait_until 20 grep -q "^N .* vde$" "$LDF_LAB/a/log/demo.serial"
    on a virsh -q detach-disk demo vdd > /dev/null
    wait_until 20 sh -c "tail -n 1 '$LDF_LAB/a/log/demo.serial' | grep -q '^N .* vdb vdc vde$'"
    on a virsh -q suspend demo
    sum=$(sum_of e.raw)
    serial_mark a
    on a virsh -q snapshot-revert demo s1
    assert_running_from a "$BEFORE" "$AFTER"
    assert_equal "$(on a virsh -q domblklist demo | awk '{ print $1 }' | xargs)" "vdb vdc vdd"
    assert_equal "$(sum_of e.raw)" "$sum"
}

@test "two selected disks of five are reverted, three are left alone" {
    local last number
    define_guest a vda=nbd:a,shareable,snapshot=false vdb=raw:b.raw,snapshot=false \
        vdc=qcow2:c.qcow2 vdd=qcow2:d.qcow2,snapshot=false vde=qcow2:e.qcow2
    start_guest a
    number=$(pause_after a 2)
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q resume demo
    last=$(pause_after a $((number + 1)))
    on a virsh -q snapshot-revert demo s1
    assert_equal "$(snapshot_job a snapshot-load)" "$(node a vdc): $(node a vdc) $(node a vde)"
    assert_equal "$(last_stamp a c.qcow2) $(last_stamp a e.qcow2)" "$number $number"
    assert_equal "$(last_stamp a b.raw) $(last_stamp a d.qcow2)" "$last $last"
    assert_equal "$("$ROOT/lab.d/stamps" "$LDF_LAB/nbd/a" | cut -d ' ' -f 3)" "$last"
    serial_mark a
    on a virsh -q resume demo
    assert_running_from a "$number"
}

@test "the memory is found in whichever image holds it" {
    define_guest a vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2 vdd=raw:d.raw,snapshot=false
    on a virsh -q start demo --paused
    # Another management program may have put the memory into the second disk.
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q snapshot-dumpxml demo s1 | sed 's/>s1</>s2</' > "$BATS_TEST_TMPDIR/s2.xml"
    on a virsh -q qemu-monitor-command demo "$(jq -nc --arg b "$(node a vdb)" --arg c "$(node a vdc)" \
        '{execute: "snapshot-save", arguments: {"job-id": "other", tag: "s2", vmstate: $c, devices: [$b, $c]}}')" > /dev/null
    wait_until 20 is_job_concluded a
    on a virsh -q qemu-monitor-command demo '{"execute":"job-dismiss","arguments":{"id":"other"}}' > /dev/null
    on a virsh -q snapshot-create demo "$BATS_TEST_TMPDIR/s2.xml" --redefine > /dev/null
    mark
    on a virsh -q snapshot-revert demo s2
    assert_equal "$(snapshot_job a snapshot-load)" "$(node a vdc): $(node a vdb) $(node a vdc)"
    assert_equal "$(state_of a)" paused
}

@test "a revert is refused before the guest is touched when an image lacks the tag" {
    guest_with_snapshot
    on a virsh -q snapshot-dumpxml demo s1 | sed 's/>s1</>elsewhere</' > "$BATS_TEST_TMPDIR/elsewhere.xml"
    on a virsh -q snapshot-create demo "$BATS_TEST_TMPDIR/elsewhere.xml" --redefine > /dev/null
    run on a virsh -q snapshot-revert demo elsewhere
    assert_refused_and_untouched "'/var/lib/libvirt/images/b.qcow2'" "'vdb'" "'elsewhere'" "snapshot-delete --metadata"
    run on a virsh -q snapshot-revert demo elsewhere --force
    assert_refused_and_untouched "'/var/lib/libvirt/images/b.qcow2'" "'vdb'" "'elsewhere'"
    assert_equal "$(state_of a)" running
    assert_guest_went_on a a
}

@test "a revert is refused before the guest is touched when only the second image lacks the tag" {
    define_guest a vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2 vdd=raw:d.raw,snapshot=false
    on a virsh -q start demo --paused > /dev/null
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q destroy demo
    qemu-img snapshot -d s1 "$(image a c.qcow2)"
    on a virsh -q start demo --paused > /dev/null
    mark
    run on a virsh -q snapshot-revert demo s1
    assert_refused_and_untouched "'/var/lib/libvirt/images/c.qcow2'" "'vdc'" "'s1'"
}

@test "a revert is refused before the guest is touched when an image is missing" {
    paused_guest_with_snapshot
    mv "$(image a b.qcow2)" "$(image a b.away)"
    run on a virsh -q snapshot-revert demo s1
    mv "$(image a b.away)" "$(image a b.qcow2)"
    assert_refused_and_untouched "'/var/lib/libvirt/images/b.qcow2'" "'vdb'" "was removed"
    on a virsh -q snapshot-revert demo s1
}

@test "a revert is refused before the guest is touched when no image holds the memory" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    on a virsh -q snapshot-create-as demo disk > /dev/null
    on a virsh -q start demo --paused > /dev/null
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q snapshot-dumpxml demo s1 | sed 's/<name>s1</<name>disk</; /<parent>/,/<.parent>/d' > "$BATS_TEST_TMPDIR/disk.xml"
    on a virsh -q snapshot-delete demo disk --metadata > /dev/null
    on a virsh -q snapshot-create demo "$BATS_TEST_TMPDIR/disk.xml" --redefine > /dev/null
    mark
    run on a virsh -q snapshot-revert demo disk
    assert_refused_and_untouched "'disk'" "memory" "snapshot-delete --metadata"
}

@test "a revert is refused before the guest is touched when an image has an active dirty bitmap" {
    paused_guest_with_snapshot
    # libvirt keeps checkpoints and snapshots apart, but not against those who redefine.
    on a virsh -q snapshot-dumpxml demo s1 > "$BATS_TEST_TMPDIR/s1.xml"
    on a virsh -q snapshot-delete demo s1 --metadata > /dev/null
    on a virsh -q checkpoint-create-as demo c1 --diskspec vdb --diskspec vdc,checkpoint=no > /dev/null
    on a virsh -q snapshot-create demo "$BATS_TEST_TMPDIR/s1.xml" --redefine > /dev/null
    mark
    run on a virsh -q snapshot-revert demo s1
    assert_refused_and_untouched "'/var/lib/libvirt/images/b.qcow2'" "'vdb'" "dirty bitmap 'c1'" "checkpoint"
    # The remedy that the message names is one.
    on a virsh -q checkpoint-delete demo c1 > /dev/null
    on a virsh -q snapshot-revert demo s1
}

@test "a revert that a storage migration left without its tag is refused at the destination" {
    guest_with_snapshot
    on a virsh -q snapshot-dumpxml demo s1 > "$BATS_TEST_TMPDIR/s1.xml"
    on a virsh -q snapshot-delete demo s1 --metadata > /dev/null
    migrate a b p2p --copy-storage-all --persistent --undefinesource
    on b virsh -q snapshot-create demo "$BATS_TEST_TMPDIR/s1.xml" --redefine > /dev/null
    run -1 on b virsh -q snapshot-revert demo s1
    assert_output --partial "image '/var/lib/libvirt/images/b.qcow2' of disk 'vdb' does not hold it"
    assert_guest_went_on a b
    assert_guest_went_on b b
}

@test "a transient domain's snapshot is reverted to" {
    make_images a vdb=qcow2:b.qcow2 vdc=raw:c.raw
    "$ROOT/lab.d/guest-xml" demo vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false > "$BATS_TEST_TMPDIR/demo.xml"
    on a virsh -q create "$BATS_TEST_TMPDIR/demo.xml" --paused > /dev/null
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q snapshot-revert demo s1 --running
    assert_equal "$(snapshot_job a snapshot-load)" "$(node a vdb): $(node a vdb)"
    assert_equal "$(state_of a)" running
    # Nothing of a domain that is gone stays, but its images.
    on a virsh -q destroy demo
    assert_equal "$(on a virsh -q list --all --name | xargs)" ""
}

@test "a disk that is left out and has a snapshot of that name of its user's own keeps what it holds" {
    define_guest a vdb=qcow2:b.qcow2 vdd=qcow2:d.qcow2,snapshot=false
    on a qemu-io -f qcow2 -c 'write -P 1 4M 64k' /var/lib/libvirt/images/d.qcow2
    on a qemu-img snapshot -c s1 /var/lib/libvirt/images/d.qcow2
    on a qemu-io -f qcow2 -c 'write -P 2 4M 64k' /var/lib/libvirt/images/d.qcow2
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    mark
    on a virsh -q snapshot-revert demo s1
    assert_equal "$(snapshot_job a snapshot-load)" "$(node a vdb): $(node a vdb)"
    on a virsh -q destroy demo
    run -0 on a qemu-io -r -f qcow2 -c 'read -P 2 4M 64k' /var/lib/libvirt/images/d.qcow2
    refute_output --partial "verification failed"
    assert_equal "$(tags a b.qcow2 d.qcow2)" "b.qcow2:s1 d.qcow2:s1"
}
