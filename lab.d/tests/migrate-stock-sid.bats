#!/usr/bin/env bats
# Migration between a host with our change (a) and sid's own packages (b).
# bats file_tags=any-qemu

bats_require_minimum_version 1.5.0
load lab
load stock

setup_file() {
    MACHINE=$(common_machine sid)
    export MACHINE
    # QEMU 11.1 takes no guest with virtio disks that QEMU 10.0 has started, nor
    # does it between two stock hosts.
    [ "$LDF_SYSTEM" != trixie ] || export QEMU_REFUSES="vring.num .* exceeds allocated max"
    lab_setup_file --stock b=sid
}
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() { lab_teardown; }

@test "flags that change nothing keep no guest from a host of sid (managed)" {
    works_to_stock managed "vdb vdc" \
        vda=nbd:vda,shareable,migrate=false vdb=qcow2:b.qcow2,migrate=true vdc=raw:c.raw,snapshot=false
}

@test "flags that change nothing keep no guest from a host of sid (p2p)" {
    works_to_stock p2p "vdb vdc" \
        vda=nbd:vda,shareable,migrate=false vdb=qcow2:b.qcow2,migrate=true vdc=raw:c.raw,snapshot=false
}

@test "a managed migration to a host of sid stops before anything is made when a disk is left out" {
    stops vdb=qcow2:b.qcow2 vdc=raw:c.raw,migrate=false
}

@test "a peer-to-peer migration to a host of sid copies just the flagged disks" {
    obeys vdb vdb=qcow2:b.qcow2 vdc=raw:c.raw,migrate=false
}

@test "a host of sid moves a guest to a host with our change as ever (managed)" {
    from_stock managed
}

@test "a host of sid moves a guest to a host with our change as ever (p2p)" {
    from_stock p2p
}
