#!/usr/bin/env bats
# Migration between a host with our change (a) and one without it (b).
# bats file_tags=any-qemu

bats_require_minimum_version 1.5.0
load lab
load stock

setup_file() {
    MACHINE=$(common_machine trixie)
    export MACHINE
    lab_setup_file --stock b
}
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() { lab_teardown; }

@test "without flags a guest moves to a stock host as ever (managed)" {
    works_to_stock managed "vdb vdc" vda=nbd:vda,shareable vdb=qcow2:b.qcow2 vdc=raw:c.raw
}

@test "without flags a guest moves to a stock host as ever (p2p)" {
    works_to_stock p2p "vdb vdc" vda=nbd:vda,shareable vdb=qcow2:b.qcow2 vdc=raw:c.raw
}

@test "flags that change nothing keep no guest from a stock host (managed)" {
    works_to_stock managed "vdb vdc" \
        vda=nbd:vda,shareable,migrate=false vdb=qcow2:b.qcow2,migrate=true vdc=raw:c.raw,snapshot=false
}

@test "flags that change nothing keep no guest from a stock host (p2p)" {
    works_to_stock p2p "vdb vdc" \
        vda=nbd:vda,shareable,migrate=false vdb=qcow2:b.qcow2,migrate=true vdc=raw:c.raw,snapshot=false
}

@test "a managed migration to a stock host stops before anything is made when a disk is left out" {
    stops vdb=qcow2:b.qcow2 vdc=raw:c.raw,migrate=false
    assert_equal "$(flags_of a vdc)" "migrate=false"
}

@test "a managed migration to a stock host stops before anything is made when a shareable disk is to be copied" {
    stops vdb=qcow2:b.qcow2 vdc=raw:c.raw,shareable,migrate=true
}

@test "a managed migration to a stock host stops before anything is made when all disks are left out" {
    stops vdb=qcow2:b.qcow2,migrate=false vdc=raw:c.raw,migrate=false
}

@test "the list of --migrate-disks lets a managed migration pass to a stock host" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,migrate=false
    start_guest a
    make_images b vdc=raw:c.raw
    mark
    run -0 migrate a b managed --copy-storage-all --unsafe --migrate-disks vdb
    assert_copied a b vdb
    assert_guest_went_on a b
}

@test "a migration without storage passes to a stock host whatever the flags say" {
    define_guest a vdb=qcow2:b.qcow2,migrate=true vdc=raw:c.raw,migrate=false
    start_guest a
    make_images b vdb=qcow2:b.qcow2 vdc=raw:c.raw
    mark
    run -0 migrate a b managed --unsafe
    assert_copied a b ""
    assert_guest_went_on a b
}

@test "a peer-to-peer migration to a stock host leaves out a disk with migrate=false" {
    obeys vdb vdb=qcow2:b.qcow2 vdc=raw:c.raw,migrate=false
    assert_images_copied a b b.qcow2
    assert_images_not_copied a b c.raw
}

@test "a peer-to-peer migration to a stock host copies a shareable disk with migrate=true" {
    obeys "vdb vdc" vdb=qcow2:b.qcow2 vdc=raw:c.raw,shareable,migrate=true
    assert_images_copied a b b.qcow2 c.raw
}

@test "a peer-to-peer migration to a stock host copies nothing when all disks have migrate=false" {
    obeys "" vdb=qcow2:b.qcow2,migrate=false vdc=raw:c.raw,migrate=false
    assert_images_not_copied a b b.qcow2 c.raw
}

@test "a stock host moves a guest to a host with our change as ever (managed)" {
    from_stock managed
}

@test "a stock host moves a guest to a host with our change as ever (p2p)" {
    from_stock p2p
}

@test "flags in --xml are nothing to a stock source" {
    define_guest b vdb=qcow2:b.qcow2 vdc=raw:c.raw
    start_guest b
    on b virsh dumpxml --migratable demo > "$BATS_TEST_TMPDIR/flagged.xml"
    set_flag "$BATS_TEST_TMPDIR/flagged.xml" vdc migrate false
    mark
    # The stock source parses the XML and drops what it does not know.
    run -0 migrate b a managed --copy-storage-all --xml "$BATS_TEST_TMPDIR/flagged.xml"
    assert_copied b a "vdb vdc"
    assert_equal "$(flags_of a vdc)" ""
}

@test "a stock host refuses a guest whose disk is to be made anew before the guest gives it up" {
    local way
    define_guest a vda=nbd:vda,shareable vdb=qcow2:b.qcow2,migrate=recreate
    start_guest a
    for way in managed p2p; do
        mark
        run -1 migrate a b "$way"
        assert_output --partial "Unknown migration cookie feature disk-recreate"
        assert_equal "$(qmp_names a | grep -x device_del)" ""
        assert_guest_went_on a a
    done
    assert_output --partial "the libvirt of the destination cannot make disks anew"
    assert_output --partial "set the flags <migrate>recreate</migrate> to 'true' or 'false'"
}
