#!/usr/bin/env bats
# Which disks a storage migration copies, judged by the QMP commands sent on
# both hosts, by the images and by the guest's running number.

bats_require_minimum_version 1.5.0
load lab

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() { lab_teardown; }

@test "try" {
    define_guest a vda=nbd:vda,shareable vdb=qcow2:b.qcow2 vdc=raw:c.raw vdd=raw:d.raw
    start_guest a
    mark
    run -0 on a virsh migrate --live --copy-storage-all demo qemu+tcp://b/system
    assert_copied a b "vdb vdc vdd"
    assert_guest_went_on a b
}
