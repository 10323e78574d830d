#!/usr/bin/env bats
# Migration between a host with our change (a) and Debian 12's own packages (b).
# bats file_tags=any-qemu

bats_require_minimum_version 1.5.0
load lab
load stock

setup_file() {
    MACHINE=$(common_machine bookworm)
    export MACHINE
    lab_setup_file --stock b=bookworm
}
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() { lab_teardown; }

@test "flags that change nothing keep no guest from a host of bookworm (managed)" {
    works_to_stock managed "vdb vdc" \
        vda=nbd:vda,shareable,migrate=false vdb=qcow2:b.qcow2,migrate=true vdc=raw:c.raw,snapshot=false
}

@test "flags that change nothing keep no guest from a host of bookworm (p2p)" {
    works_to_stock p2p "vdb vdc" \
        vda=nbd:vda,shareable,migrate=false vdb=qcow2:b.qcow2,migrate=true vdc=raw:c.raw,snapshot=false
}

@test "a managed migration to a host of bookworm stops before anything is made when a disk is left out" {
    stops vdb=qcow2:b.qcow2 vdc=raw:c.raw,migrate=false
}

@test "a peer-to-peer migration to a host of bookworm copies just the flagged disks" {
    obeys vdb vdb=qcow2:b.qcow2 vdc=raw:c.raw,migrate=false
    assert_images_copied a b b.qcow2
    assert_images_not_copied a b c.raw
}

@test "a host of bookworm moves a guest to a host with our change as ever (managed)" {
    from_stock managed
}

@test "a host of bookworm moves a guest to a host with our change as ever (p2p)" {
    from_stock p2p
}
