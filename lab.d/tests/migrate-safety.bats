#!/usr/bin/env bats
# Flags weaken no check of a migration and start nothing by themselves.

bats_require_minimum_version 1.5.0
load lab

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() { lab_teardown; }

# Nothing was begun: no copy, no migration, no guest and no image on b.
assert_nothing_begun() {
    assert_equal "$(qmp_names a | grep -xE 'blockdev-mirror|migrate')" ""
    assert_equal "$(qmp_names b)" ""
    assert_equal "$(on b virsh -q list --all --name)" ""
    assert_equal "$(ls "$LDF_LAB/b/lib/images")" ""
    assert_guest_went_on a a
    assert_no_job a
}

refuses_flagged() {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,migrate=false
    start_guest a
    mark
    run -1 migrate a b "$1" --copy-storage-all
    assert_output --partial "unsafe"
    assert_output --partial "flag <migrate> of disk 'vdc' keeps it from being copied"
    assert_output --partial "--unsafe"
    assert_nothing_begun
    assert_equal "$(flags_of a vdc)" "migrate=false"
}

@test "a local disk with migrate=false is unsafe, and the error names disk and flag (managed)" {
    refuses_flagged managed
}

@test "a local disk with migrate=false is unsafe, and the error names disk and flag (p2p)" {
    refuses_flagged p2p
}

@test "where the list leaves a disk out, the error does not blame its flag" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,migrate=false
    start_guest a
    mark
    run -1 migrate a b managed --copy-storage-all --migrate-disks vdb
    assert_output --partial "Migration without shared storage is unsafe"
    refute_output --partial "flag"
    assert_nothing_begun
}

refuses_same_place() {
    define_guest a vda=nbd:vda,migrate=true vdb=qcow2:b.qcow2
    start_guest a
    assert_equal "$(on a virsh -q domblkflags demo --json | jq -r '.[] | select(.target == "vda") | .migrate.refused')" "onto itself"
    mark
    run -1 migrate a b "$1" --copy-storage-all
    assert_output --partial "would copy disk 'vda' onto itself"
    assert_output --partial "<migrate>true</migrate>"
    assert_output --partial "--xml"
    assert_output --partial "--unsafe"
    assert_nothing_begun
    mark
    run -0 migrate a b "$1" --copy-storage-all --unsafe
    assert_copied a b "vda vdb"
}

@test "a disk that both hosts reach at the same place is not copied onto itself (managed)" {
    refuses_same_place managed
}

@test "a disk that both hosts reach at the same place is not copied onto itself (p2p)" {
    refuses_same_place p2p
}

@test "a file on storage that libvirt knows to be shared is not copied onto itself either" {
    local way conf=$LDF_LAB/a/etc/qemu.conf
    cp "$conf" "$BATS_TEST_TMPDIR/qemu.conf"
    echo 'shared_filesystems = [ "/var/lib/libvirt/images" ]' >> "$conf"
    lab restart a
    define_guest a vdb=raw:b.raw,migrate=true
    start_guest a
    mark
    for way in managed p2p; do
        run migrate a b $way --copy-storage-all
        assert_equal "$status" 1
        assert_output --partial "would copy disk 'vdb' onto itself"
    done
    assert_nothing_begun
    cp "$BATS_TEST_TMPDIR/qemu.conf" "$conf"
    lab restart a
    run -0 migrate a b p2p --copy-storage-all
    assert_copied a b vdb
}

@test "a network disk that has another source at the destination is copied" {
    define_guest a vda=nbd:vda,migrate=true vdb=qcow2:b.qcow2
    start_guest a
    make_images b vdz=nbd:there
    on a virsh dumpxml --migratable demo | sed "s/name='vda'/name='there'/" > "$BATS_TEST_TMPDIR/there.xml"
    mark
    run -0 migrate a b managed --copy-storage-all --xml "$BATS_TEST_TMPDIR/there.xml"
    assert_copied a b "vda vdb"
}

@test "a network disk that libvirt copies by default is copied as ever, and the log says so" {
    define_guest a vda=nbd:vda vdb=qcow2:b.qcow2
    start_guest a
    mark
    run -0 migrate a b p2p --copy-storage-all
    assert_copied a b "vda vdb"
    run since_mark a
    assert_output --partial "disk 'vda' of domain 'demo' is copied to where it is already"
}

@test "migrate=true starts no copy in a migration without storage" {
    local way
    define_guest a vda=nbd:vda,shareable,migrate=true vdb=raw:b.raw,migrate=true
    start_guest a
    make_images b vdb=raw:b.raw
    mark
    run -1 migrate a b managed
    assert_output --partial "Migration without shared storage is unsafe"
    assert_output --partial "disk 'vdb' has the flag <migrate>true</migrate>, but disks are copied only with"
    assert_output --partial "--copy-storage-all"
    run -0 migrate a b managed --unsafe
    assert_copied a b ""
    assert_guest_went_on a b
    assert_images_not_copied a b b.raw
    mark
    run -0 migrate b a p2p --unsafe
    assert_copied b a ""
}

@test "the target image of a disk with migrate=true is made, that of one with migrate=false is not" {
    define_guest a vdb=qcow2:b.qcow2,migrate=true vdc=raw:c.raw,migrate=false vdd=raw:d.raw,shareable,migrate=true
    start_guest a
    mark
    run -1 migrate a b managed --copy-storage-all --unsafe
    assert_output --partial "c.raw"
    assert_equal "$(qmp a blockdev-mirror)" ""
    [ ! -e "$(image b c.raw)" ]
    assert_equal "$(state_of a)" running

    make_images b vdc=raw:c.raw
    run -0 migrate a b managed --copy-storage-all --unsafe
    assert_copied a b "vdb vdd"
    assert_guest_went_on a b
    assert_images_copied a b b.qcow2 d.raw
    assert_images_not_copied a b c.raw
    assert_equal "$(qemu-img info -U --output=json "$(image b b.qcow2)" | jq -r .format)" qcow2
}

@test "an incremental copy leaves what the base image holds to the destination" {
    define_guest a vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2,migrate=false
    qemu-img create -q -f raw "$(image a base.raw)" 8M
    rm "$(image a b.qcow2)"
    qemu-img create -q -f qcow2 -F raw -b base.raw "$(image a b.qcow2)"
    # What only the source's base has shows that the base is not copied.
    qemu-io -f raw -c 'write -P 0x5a 7M 64k' "$(image a base.raw)" > /dev/null
    start_guest a
    qemu-img create -q -f raw "$(image b base.raw)" 8M
    qemu-img create -q -f qcow2 -F raw -b base.raw "$(image b b.qcow2)"
    make_images b vdc=qcow2:c.qcow2
    mark
    run -0 migrate a b managed --copy-storage-inc --unsafe
    assert_copied a b vdb
    assert_guest_went_on a b
    assert_images_copied a b b.qcow2
    assert_images_not_copied a b c.qcow2
    run -0 qemu-io -r -U -f qcow2 -c 'read -P 0 7M 64k' "$(image b b.qcow2)"
    refute_output --partial "verification failed"
}

@test "no dirty bitmap is migrated of a disk with migrate=false" {
    local mapping
    define_guest a vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2,migrate=false
    start_guest a
    on a virsh -q checkpoint-create-as demo first
    make_images b vdc=qcow2:c.qcow2
    mark
    run -0 migrate a b managed --copy-storage-all --unsafe
    assert_copied a b vdb
    mapping=$(qmp a migrate-set-parameters | jq -c '.arguments["block-bitmap-mapping"] // empty')
    assert_equal "$(jq -r '.[].alias' <<< "$mapping")" vdb
    assert_equal "$(qmp b migrate-set-parameters | jq -r '.arguments["block-bitmap-mapping"] // empty | .[].alias')" vdb
    assert_guest_went_on a b
}

@test "a CD-ROM and a read-only disk with migrate=false move with the guest and are not copied" {
    define_guest a vdb=raw:b.raw vdc=raw:c.raw,readonly,migrate=false hdc=cdrom:,migrate=false
    start_guest a
    make_images b vdc=raw:c.raw,readonly
    mark
    run -0 migrate a b p2p --copy-storage-all --unsafe
    assert_copied a b vdb
    assert_guest_went_on a b
    assert_equal "$(flags_of b vdc) $(flags_of b hdc)" "migrate=false migrate=false"
}
