#!/usr/bin/env bats
# More disks than the parameters of a remote call take.

bats_require_minimum_version 1.5.0
load lab
load snapshot

# shellcheck source=bench.d/disks.sh
. "$ROOT/bench.d/disks.sh"

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() { lab_teardown; }

# many NUMBER [FORMAT]: a paused guest with that many disks, the first of which is
# not copied, and sets "targets" to the others.
many() {
    local index format=${2-raw}
    # QEMU opens every image.
    on a prlimit --pid "$(on a cat /run/libvirtd.pid)" --nofile=4096
    targets=()
    for ((index = 0; index < $1; index++)); do
        name_disk "$index"
        # shellcheck disable=SC2154 # name_disk sets it
        DISK_SIZE=64k make_images a "$name=$format:m-$name.$format"
        targets+=("$name")
    done
    cp "$(image a "m-sda.$format")" "$(image b "m-sda.$format")"
    "$ROOT/lab.d/guest-xml" demo > "$BATS_TEST_TMPDIR/none.xml"
    many_disks "$1" /var/lib/libvirt/images/m > "$BATS_TEST_TMPDIR/disks.xml"
    sed -i "s/type='raw'/type='$format'/; s/\.raw/.$format/" "$BATS_TEST_TMPDIR/disks.xml"
    sed "/<controller type='usb'/r $BATS_TEST_TMPDIR/disks.xml" "$BATS_TEST_TMPDIR/none.xml" > "$BATS_TEST_TMPDIR/demo.xml"
    on a virsh -q define "$BATS_TEST_TMPDIR/demo.xml" > /dev/null
    on a virsh -q domblkflags demo sda --migrate false --config
    on a virsh -q start demo --paused
    targets=("${targets[@]:1}")
    mark
}

# assert_all_copied: just the disks of "targets".
assert_all_copied() {
    local mirrored exported
    mirrored=$(qmp a blockdev-mirror | jq -r '.arguments.target' | sed 's/^migration-//; s/-[a-z]*$//' | wc -l)
    exported=$(qmp b block-export-add | wc -l)
    assert_equal "mirrored $mirrored, exported $exported" "mirrored ${#targets[@]}, exported ${#targets[@]}"
    assert_equal "$(state_of b)" paused
    assert_equal "$(on b virsh -q domblklist demo | wc -l)" $((${#targets[@]} + 1))
}

@test "100 selected disks move peer-to-peer and managed" {
    many 101
    run -0 migrate a b p2p --copy-storage-all --unsafe
    assert_all_copied
    forget_guests
    many 101
    run -0 migrate a b managed --copy-storage-all --unsafe
    assert_all_copied
}

@test "the plan and the verb handle 300 disks, and they move" {
    many 301
    assert_equal "$(on a virsh -q domblkflags demo --json | jq '[.[] | select(.migrate.selected)] | length')" 300
    run -0 on a virsh -q domblkflags demo --all --snapshot false --live --config
    assert_equal "$(on a virsh -q domblkflags demo --json | jq '[.[] | select(.snapshot.selected)] | length')" 0
    mark
    run -0 migrate a b p2p --copy-storage-all --unsafe
    assert_all_copied
}

@test "a list of the user's own that does not fit is told before anything starts" {
    many 64
    run -1 migrate a b p2p --copy-storage-all --unsafe --migrate-disks "$(IFS=,; echo "${targets[*]:0:62}")"
    assert_output --partial "the list of disks to copy has 62 entries"
    assert_output --partial "set the flag <migrate> of the others to 'false' instead"
    assert_equal "$(qmp_names a | grep -xE 'blockdev-mirror|migrate')" ""
    assert_equal "$(qmp_names b)" ""
    assert_no_job a
}

@test "a snapshot takes 100 disks of 101" {
    many 101 qcow2
    on a virsh -q domblkflags demo sda --snapshot false --live --config
    mark
    run -0 on a virsh -q snapshot-create-as demo s1
    assert_equal "$(qmp a snapshot-save | jq '.arguments.devices | length')" 100
    assert_equal "$(tags a m-sda.qcow2 m-sdb.qcow2 m-sdcw.qcow2)" "m-sda.qcow2: m-sdb.qcow2:s1 m-sdcw.qcow2:s1"
    run -0 on a virsh -q snapshot-revert demo s1
    run -0 on a virsh -q snapshot-delete demo s1
    assert_equal "$(tags a m-sdb.qcow2 m-sdcw.qcow2)" "m-sdb.qcow2: m-sdcw.qcow2:"
}

@test "a stock destination says what too many disks for a list mean" {
    new_lab --stock b
    many 101
    run -1 migrate a b p2p --copy-storage-all --unsafe
    assert_output --partial "the libvirt of the destination does not know the flags of disks, and those that they select are too many to be listed for it"
    assert_equal "$(qmp_names a | grep -xE 'blockdev-mirror|migrate')" ""
    assert_equal "$(on b virsh -q list --all --name)" ""
    assert_no_job a
}
