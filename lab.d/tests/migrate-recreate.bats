#!/usr/bin/env bats
# Disks that a migration makes anew: <migrate>recreate</migrate>.

bats_require_minimum_version 1.5.0
load lab

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() {
    ! on b mountpoint -q /var/lib/libvirt/images || on b umount --lazy /var/lib/libvirt/images
    lab_teardown
}

# told HOST: what the guest told there of the disk vdb, "COMES blank, GOES".
told() {
    sed -nE 's/^(COMES|GOES|RESET|HEARS)( vdb)? ?(.*)/\1 \3/p' "$LDF_LAB/$1/log/demo.serial" 2>/dev/null |
        sed 's/ $//' | paste -sd, | sed 's/,/, /g'
}

has_told() { [ "$(told "$1")" = "$2" ]; }

# wait_for_word HOST WORDS: until that is all that the guest has told.
wait_for_word() {
    wait_until 60 has_told "$@" || fail "the guest told on $1: $(told "$1")"
}

# starts DISK...: a guest that watches vdb.
starts() {
    WATCH=vdb define_guest a vda=nbd:vda,shareable "$@"
    start_guest a
    wait_for_word a "COMES blank"
    mark
}

size_of() { qemu-img info -U --output=json "$(image "$1" "$2")" | jq -c '[.format, ."virtual-size"]'; }

# assert_order HOST FIRST SECOND: of two QMP commands, each sent once.
assert_order() {
    assert_equal "$(qmp_names "$1" | grep -xE "$2|$3" | xargs)" "$2 $3"
}

# assert_made_anew IMAGE: the guest gave the disk up on a and found a blank one on b, and
# at no instant one that was there read as zeros.
assert_made_anew() {
    wait_for_word a "COMES blank, GOES"
    wait_for_word b "COMES blank"
    assert_order a device_del migrate
    assert_order b cont device_add
    assert_equal "$(size_of b "$1")" "$(size_of a "$1")"
    assert_guest_went_on a b
    assert_images_not_copied a b "$1"
    has_stamps a "$1"
    assert_equal "$(flags_of b vdb)" "migrate=recreate"
}

# assert_untouched WORDS: the guest on a has its old disk, and b nothing of it.
assert_untouched() {
    wait_for_word a "$1"
    assert_guest_went_on a a
    assert_no_job a
    assert_equal "$(flags_of a vdb)" "migrate=recreate"
    assert_not_exist "$(image b "$2")"
    assert_equal "$(on b virsh -q vol-list images | grep -c "$2" || :)" 0
}

assert_not_exist() { [ ! -e "$1" ] || fail "$1 is there"; }

@test "a disk is given up before the guest moves and is blank where it comes (managed)" {
    starts vdb=qcow2:b.qcow2,migrate=recreate
    run -0 migrate a b managed
    assert_made_anew b.qcow2
    assert_copied a b ""
}

@test "a disk is given up before the guest moves and is blank where it comes (p2p)" {
    starts vdb=raw:b.raw,migrate=recreate
    run -0 migrate a b p2p
    assert_made_anew b.raw
    assert_copied a b ""
}

# copies_beside WAY ANEW COPIED: the formats of vdb and vdc.
copies_beside() {
    starts "vdb=$2:b.$2,migrate=recreate" "vdc=$3:c.$3"
    run -0 migrate a b "$1" --copy-storage-all
    assert_made_anew "b.$2"
    assert_copied a b vdc
    assert_images_copied a b "c.$3"
}

@test "beside a disk that is copied another is made anew (managed)" {
    copies_beside managed raw qcow2
}

@test "beside a disk that is copied another is made anew (p2p)" {
    copies_beside p2p qcow2 raw
}

@test "with --copy-storage-inc a disk is made anew, too" {
    starts vdb=qcow2:b.qcow2,migrate=recreate vdc=qcow2:c.qcow2
    make_images b vdc=qcow2:c.qcow2
    run -0 migrate a b managed --copy-storage-inc
    assert_made_anew b.qcow2
    assert_copied a b vdc
}

@test "a disk on a q35 machine is made anew" {
    MACHINE=q35 starts vdb=qcow2:b.qcow2,migrate=recreate
    run -0 migrate a b managed
    assert_made_anew b.qcow2
}

@test "a guest that moves back finds its disk blank again" {
    starts vdb=qcow2:b.qcow2,migrate=recreate
    run -0 migrate a b managed
    assert_made_anew b.qcow2
    rm "$(image a b.qcow2)"
    on a virsh -q pool-refresh images
    mark
    run -0 migrate b a p2p
    wait_for_word b "COMES blank, GOES"
    wait_for_word a "COMES blank, GOES, COMES blank"
}

@test "of two disks both come back when the migration fails, and both are made anew when not" {
    starts vdb=qcow2:b.qcow2,migrate=recreate vdc=raw:c.raw,migrate=recreate
    make_images b vdc=raw:c.raw
    run -1 migrate a b managed
    assert_output --partial "of disk 'vdc', which is to be made anew"
    assert_untouched "COMES blank" b.qcow2
    rm "$(image b c.raw)"
    on b virsh -q pool-refresh images

    migrate_in_background a b managed --bandwidth 1
    wait_until 30 migration_is_active
    assert_equal "$(disks_of a)" vda
    on a virsh -q domjobabort demo
    assert_background_failed "cancel"
    assert_equal "$(disks_of a)" "vda vdb vdc"
    assert_untouched "COMES blank, GOES, COMES marked" b.qcow2
    assert_not_exist "$(image b c.raw)"

    mark
    run -0 migrate a b managed
    assert_equal "$(disks_of b)" "vda vdb vdc"
    assert_equal "$(size_of b b.qcow2)$(size_of b c.raw)" "$(size_of a b.qcow2)$(size_of a c.raw)"
    assert_guest_went_on a b
    assert_images_not_copied a b b.qcow2 c.raw
}

disks_of() { on "$1" virsh -q domblklist demo | awk '{ print $1 }' | sort | xargs; }

@test "a list of disks copies the disk that it has, whatever the flag says" {
    starts vdb=qcow2:b.qcow2,migrate=recreate vdc=qcow2:c.qcow2,migrate=false
    make_images b vdc=qcow2:c.qcow2
    run -0 migrate a b managed --copy-storage-all --unsafe --migrate-disks vdb
    assert_copied a b vdb
    assert_equal "$(qmp_names a | grep -x device_del)" ""
    assert_guest_went_on a b
    assert_images_copied a b b.qcow2
}

@test "the definition that goes along has the disk, and none is left at the source" {
    starts vdb=qcow2:b.qcow2,migrate=recreate
    run -0 migrate a b managed --persistent --undefinesource
    assert_made_anew b.qcow2
    assert_equal "$(flags_of b vdb --inactive)" "migrate=recreate"
    assert_equal "$(state_of a)" ""
    on b virsh -q destroy demo
    on b virsh -q start demo
    wait_for_number b 1
}

@test "with post-copy a disk is made anew, too" {
    starts vdb=qcow2:b.qcow2,migrate=recreate
    migrate_in_background a b managed --postcopy --bandwidth 8
    wait_until 30 migration_is_active
    on a virsh -q migrate-postcopy demo
    wait "$background"
    assert_made_anew b.qcow2
}

migration_is_active() { qmp_events a MIGRATION | jq -r .data.status | grep -qx active; }

@test "an image that exists at the destination is not overwritten, and the guest keeps its disk" {
    local before
    starts vdb=qcow2:b.qcow2,migrate=recreate
    make_images b vdb=qcow2:b.qcow2
    before=$(sha256sum < "$(image b b.qcow2)")
    run -1 migrate a b managed
    assert_output --partial "image '/var/lib/libvirt/images/b.qcow2' of disk 'vdb'"
    assert_output --partial "is not overwritten: remove it or give the disk another source there (--xml)"
    assert_equal "$(qmp_names a | grep -x device_del)" ""
    assert_equal "$(sha256sum < "$(image b b.qcow2)")" "$before"
    assert_equal "$(told a)" "COMES blank"
}

@test "another source in --xml is where the disk is made anew" {
    starts vdb=qcow2:b.qcow2,migrate=recreate
    make_images b vdb=qcow2:b.qcow2
    on a virsh dumpxml --migratable demo | sed 's/b\.qcow2/other.qcow2/' > "$BATS_TEST_TMPDIR/other.xml"
    run -0 migrate a b managed --xml "$BATS_TEST_TMPDIR/other.xml"
    wait_for_word b "COMES blank"
    wait_until 20 has_stamps b other.qcow2
}

@test "lack of room at the destination ends the migration before the guest gives up anything" {
    starts vdb=raw:b.raw,migrate=recreate
    on b mount -t tmpfs -o size=1M lab /var/lib/libvirt/images
    on b virsh -q pool-refresh images
    run -1 migrate a b p2p
    assert_output --partial "no blank image can be made for disk 'vdb'"
    assert_equal "$(qmp_names a | grep -xE 'device_del|migrate')" ""
    assert_equal "$(told a)" "COMES blank"
}

@test "a guest that does not let go keeps the disk and the migration fails" {
    DEAF=9999 starts vdb=qcow2:b.qcow2,migrate=recreate
    run -1 migrate a b managed
    assert_output --partial "the guest has not let go of disk 'vdb' within 5 seconds"
    assert_output --partial "set its flag <migrate> to 'true' or 'false'"
    assert_equal "$(qmp_names a | grep -x migrate)" ""
    assert_untouched "COMES blank" b.qcow2
}

@test "a guest that lets go after the migration has failed gets its disk back" {
    DEAF=30 starts vdb=qcow2:b.qcow2,migrate=recreate
    run -1 migrate a b p2p
    assert_output --partial "the guest has not let go of disk 'vdb'"
    assert_untouched "COMES blank, HEARS, GOES, COMES marked" b.qcow2
}

@test "a guest that lets go after libvirtd was killed gets its disk back" {
    DEAF=30 starts vdb=qcow2:b.qcow2,migrate=recreate
    run -1 migrate a b p2p
    lab restart a --kill
    assert_untouched "COMES blank, HEARS, GOES, COMES marked" b.qcow2
}

@test "a disk that the user unplugs after a migration that failed does not come back" {
    DEAF=30 starts vdb=qcow2:b.qcow2,migrate=recreate
    run -1 migrate a b managed
    run on a virsh -q detach-disk demo vdb
    wait_for_word a "COMES blank, HEARS, GOES"
    wait_until 20 has_let_go a
    # a change of the guest waits until what follows the going is done
    on a virsh -q domblkflags demo vda --snapshot false
    assert_equal "$(disks_of a)" vda
    assert_equal "$(qmp_names a | grep -x device_add)" ""
    assert_equal "$(told a)" "COMES blank, HEARS, GOES"
}

has_let_go() { [ "$(disks_of "$1")" = vda ]; }

@test "a paused guest is not asked for its disk" {
    starts vdb=qcow2:b.qcow2,migrate=recreate
    on a virsh -q suspend demo
    run -1 migrate a b managed
    assert_output --partial "disk 'vdb' cannot be taken out of domain 'demo', which does not run"
    assert_output --partial "resume the domain"
    assert_equal "$(qmp_names a | grep -x device_del)" ""
    on a virsh -q resume demo
    assert_untouched "COMES blank" b.qcow2
}

# fails_on_the_way WAY: a migration that is cancelled when the guest has given up its disk.
fails_on_the_way() {
    starts vdb=qcow2:b.qcow2,migrate=recreate
    migrate_in_background a b "$1" --bandwidth 1
    wait_until 30 migration_is_active
    wait_for_word a "COMES blank, GOES"
    on a virsh -q domjobabort demo
    assert_background_failed "cancel"
    assert_untouched "COMES blank, GOES, COMES marked" b.qcow2

    mark
    run -0 migrate a b "$1"
    wait_for_word b "COMES blank"
    assert_guest_went_on a b
}

@test "a migration that fails on the way gives the old disk back, and can be tried again (managed)" {
    fails_on_the_way managed
}

@test "a migration that fails on the way gives the old disk back, and can be tried again (p2p)" {
    fails_on_the_way p2p
}

@test "a libvirtd that is killed at the source gives the old disk back when it is started again" {
    starts vdb=qcow2:b.qcow2,migrate=recreate
    migrate_in_background a b managed --bandwidth 1
    wait_until 30 migration_is_active
    wait_for_word a "COMES blank, GOES"
    lab restart a --kill
    wait "$background" || :
    wait_until 30 is_unknown b
    assert_untouched "COMES blank, GOES, COMES marked" b.qcow2
}

is_unknown() { [ -z "$(state_of "$1")" ]; }

@test "a libvirtd that is killed at the destination leaves no blank image" {
    starts vdb=qcow2:b.qcow2,migrate=recreate
    migrate_in_background a b p2p --bandwidth 1
    wait_until 30 migration_is_active
    wait_for_word a "COMES blank, GOES"
    lab restart b --kill
    wait "$background" || :
    wait_until 30 is_unknown b
    assert_untouched "COMES blank, GOES, COMES marked" b.qcow2
}

@test "a blank disk that cannot be plugged in is told in the log, and the guest has moved" {
    starts vdb=qcow2:b.qcow2,migrate=recreate
    migrate_in_background a b managed --persistent --bandwidth 8
    wait_until 30 migration_is_active
    rm "$(image b b.qcow2)"
    wait "$background"
    assert_guest_went_on a b
    since_mark b | grep -q "disk 'vdb' of domain 'demo' could not be plugged in after a migration"
    assert_equal "$(flags_of b vdb)" ""
    assert_equal "$(flags_of b vdb --inactive)" "migrate=recreate"
}

@test "offline, the blank image is made and the definition kept" {
    define_guest a vdb=qcow2:b.qcow2,migrate=recreate
    mark
    run -0 on a virsh -q migrate --offline --persistent demo qemu+tcp://b/system
    assert_equal "$(size_of b b.qcow2)" "$(size_of a b.qcow2)"
    assert_equal "$(flags_of b vdb)" "migrate=recreate"
    on b virsh -q start demo
    wait_for_number b 1
}

@test "offline, an image that exists stops the migration and stays" {
    local before
    define_guest a vdb=qcow2:b.qcow2,migrate=recreate
    make_images b vdb=qcow2:b.qcow2
    before=$(sha256sum < "$(image b b.qcow2)")
    run -1 on a virsh -q migrate --offline --persistent demo qemu+tcp://b/system
    assert_output --partial "is not overwritten"
    assert_equal "$(sha256sum < "$(image b b.qcow2)")" "$before"
    assert_equal "$(state_of b)" ""
}

@test "the flag is set on a running guest, shown, and given back as JSON" {
    starts vdb=qcow2:b.qcow2
    on a virsh -q domblkflags demo vdb --migrate recreate
    assert_equal "$(flags_of a vdb)" "migrate=recreate"
    on a virsh -q domblkflags demo --json > "$BATS_TEST_TMPDIR/flags.json"
    on a virsh -q domblkflags demo vdb --migrate default
    on a virsh -q domblkflags demo --from-json "$BATS_TEST_TMPDIR/flags.json"
    assert_equal "$(flags_of a vdb)" "migrate=recreate"
    run -0 on a virsh migrate --live --verbose --copy-storage-all demo qemu+tcp://b/system
    assert_output --partial "vdb (recreate)"
    assert_made_anew b.qcow2
}

@test "libvirt warns of nothing that it does with the disk" {
    starts vdb=qcow2:b.qcow2,migrate=recreate
    run -0 migrate a b managed
    assert_made_anew b.qcow2
    assert_equal "$(since_mark a | grep -c 'async job owner' || :)" 0
    assert_equal "$(since_mark b | grep -c 'async job owner' || :)" 0
}
