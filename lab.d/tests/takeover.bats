#!/usr/bin/env bats
# A libvirtd with our change takes over the guests of one without it that was stopped,
# as an upgrade does it, and the other way round.
# bats file_tags=pristine

bats_require_minimum_version 1.5.0
load lab
load snapshot

setup_file() {
    export LDF_BUILD_OF_LAB=$BUILD/takeover OURS=$LDF_BUILD_PATCHED
    use_build "$LDF_BUILD_STOCK"
    export LDF_BUILD_PATCHED=$LDF_BUILD_OF_LAB
    lab_setup_file
}
teardown_file() {
    lab_teardown_file
    rm "$LDF_BUILD_OF_LAB"
}
setup() { lab_setup; }
teardown() { lab_teardown; }

# use_build DIRECTORY: whose libvirtd the lab starts from now on.
use_build() { ln -sfn "$1" "$LDF_BUILD_OF_LAB"; }

# exchange_libvirtd DIRECTORY: on a, where the guest runs on.
exchange_libvirtd() {
    lab stop a
    use_build "$1"
    lab start a
}

@test "a guest that stock libvirt started has flags and snapshots of a subset without a restart" {
    local before after
    use_build "$LDF_BUILD_STOCK"
    lab restart a
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw
    start_guest a
    run -1 on a virsh -q snapshot-create-as demo s1 --diskspec vdc,snapshot=no
    exchange_libvirtd "$OURS"
    assert_guest_went_on a a
    on a virsh -q domblkflags demo vdc --snapshot false --live --config
    before=$(guest_number a)
    run -0 on a virsh -q snapshot-create-as demo s1
    after=$(guest_number a)
    assert_equal "$(tags a b.qcow2)" "b.qcow2:s1"
    assert_guest_went_on a a
    wait_for_number a $((after + 3))
    serial_mark a
    run -0 on a virsh -q snapshot-revert demo s1
    assert_running_from a "$before" "$after"
}

@test "stock libvirt takes over a running guest that ours started, and drops its flags" {
    use_build "$OURS"
    lab restart a
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    start_guest a
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    exchange_libvirtd "$LDF_BUILD_STOCK"
    assert_equal "$(state_of a)" running
    assert_guest_went_on a a
    assert_equal "$(snapshots a), flags: $(flags_of a vdc)" "s1, flags: "
    run -1 on a virsh -q start demo
    assert_output --partial "already active"
}
