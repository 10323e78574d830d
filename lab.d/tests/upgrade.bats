#!/usr/bin/env bats
# A guest on its way through hosts of several generations.
# bats file_tags=any-qemu

bats_require_minimum_version 1.5.0
load lab

setup_file() {
    export MACHINE=pc-i440fx-7.2
    lab_setup_file --stock b=bookworm
}
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() { lab_teardown; }

@test "from stock bookworm over two hosts with flags to stock sid, no disk is copied that should not be" {
    define_guest b vdb=qcow2:b.qcow2 vdc=raw:c.raw
    start_guest b
    mark
    run -0 migrate b a managed --copy-storage-all
    assert_copied b a "vdb vdc"
    assert_guest_went_on b a
    on a virsh -q domblkflags demo vdc --migrate false

    lab replace b
    make_images b vdc=raw:c.raw
    mark
    run -0 migrate a b managed --copy-storage-all --unsafe
    assert_copied a b vdb
    assert_guest_went_on a b
    assert_equal "$(flags_of b vdc)" "migrate=false"

    lab replace a=sid
    make_images a vdc=raw:c.raw
    mark
    run -1 migrate b a managed --copy-storage-all --unsafe
    assert_output --partial "disk-flags"
    assert_equal "$(qmp b blockdev-mirror)" ""
    run -0 migrate b a p2p --copy-storage-all --unsafe
    assert_copied b a vdb
    assert_guest_went_on b a
    # It is here that stock libvirt drops the element.
    assert_equal "$(flags_of a vdc)" ""
}
