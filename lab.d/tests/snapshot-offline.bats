#!/usr/bin/env bats
# Snapshots of a guest that is shut off, and external ones.

bats_require_minimum_version 1.5.0
load lab
load snapshot

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() { lab_teardown; }

sources() { on a virsh -q domblklist demo "$@" | awk '{ sub(".*/", "", $2); print $1 "=" $2 }' | xargs; }

# backing_of TARGET: the file that the disk's overlay stands on.
backing_of() {
    local file
    file=$(on a virsh -q domblklist demo | awk -v target="$1" '$1 == target { print $2 }')
    basename "$(on a qemu-img info -U --output=json "$file" | jq -r '."backing-filename"')"
}

@test "an offline snapshot is taken of the selected images alone" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=qcow2:d.qcow2,snapshot=false vde=qcow2:e.qcow2 hdc=cdrom:
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q snapshot-create-as demo s2 --diskspec vdb,snapshot=no --diskspec vdd,snapshot=internal > /dev/null
    assert_equal "$(tags a b.qcow2 d.qcow2 e.qcow2)" "b.qcow2:s1 d.qcow2:s2 e.qcow2:s1 s2"
    assert_equal "$(disks_of_snapshot a s1 | tr ' ' '\n' | sort | xargs)" \
        "hdc=no memory=no vdb=internal vdc=no vdd=no vde=internal"
    assert_equal "$(on a virsh -q snapshot-list demo --inactive --name | xargs)" "s1 s2"
    assert_equal "$(current a)" s2
}

@test "an offline revert brings back the selected image and leaves the others alone" {
    local image
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=qcow2:d.qcow2,snapshot=false
    qemu-io -c 'write -q -P 1 0 64k' "$(image a b.qcow2)"
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    for image in b d; do qemu-io -c 'write -q -P 2 0 64k' "$(image a $image.qcow2)"; done
    qemu-io -f raw -c 'write -q -P 2 0 64k' "$(image a c.raw)"
    on a virsh -q snapshot-revert demo s1
    run -0 qemu-io -r -c 'read -P 1 0 64k' "$(image a b.qcow2)"
    refute_output --partial "verification failed"
    for image in d.qcow2 c.raw; do
        run -0 qemu-io -r -f "${image#*.}" -c 'read -P 2 0 64k' "$(image a $image)"
        refute_output --partial "verification failed"
    done
}

@test "an offline snapshot that fails in one image leaves nothing in the others" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=qcow2:d.qcow2
    # Even root cannot write to a file that is mounted read-only.
    on a mount --bind /var/lib/libvirt/images/d.qcow2 /var/lib/libvirt/images/d.qcow2
    on a mount -o remount,bind,ro /var/lib/libvirt/images/d.qcow2
    run on a virsh -q snapshot-create-as demo s1
    on a umount /var/lib/libvirt/images/d.qcow2
    assert_equal "$status" 1
    assert_output --partial "d.qcow2"
    assert_equal "$(tags a b.qcow2 d.qcow2), snapshots $(snapshots a)" "b.qcow2: d.qcow2:, snapshots "
}

@test "a tag that stands in an image is refused offline, too" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=qcow2:d.qcow2
    qemu-img snapshot -c s1 "$(image a d.qcow2)"
    run -1 on a virsh -q snapshot-create-as demo s1
    assert_output --partial "image '/var/lib/libvirt/images/d.qcow2' of disk 'vdd' already holds a snapshot 's1'"
    assert_equal "$(tags a b.qcow2 d.qcow2), snapshots $(snapshots a)" "b.qcow2: d.qcow2:s1, snapshots "
}

@test "offline, a raw disk and an empty selection are refused with flag and remedy" {
    define_guest a vdb=qcow2:b.qcow2,snapshot=false vdc=raw:c.raw,snapshot=true
    run -1 on a virsh -q snapshot-create-as demo s1
    assert_output --partial "internal snapshot for disk vdc unsupported for storage type raw"
    assert_output --partial "<snapshot>"
    run -1 on a virsh -q snapshot-create-as demo s1 --diskspec vdc,snapshot=no
    assert_output --partial "nothing selected for snapshot"
    assert_output --partial "'vdb'"
    assert_equal "$(tags a b.qcow2), snapshots $(snapshots a)" "b.qcow2:, snapshots "
}

@test "an external disk-only snapshot gives overlays to the selected disks alone, live and offline" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=raw:d.raw vde=qcow2:e.qcow2,snapshot=false
    on a virsh -q snapshot-create-as demo s1 --disk-only > /dev/null
    assert_equal "$(sources)" "vdb=b.s1 vdc=c.raw vdd=d.s1 vde=e.qcow2"
    start_guest a
    mark
    on a virsh -q snapshot-create-as demo s2 --disk-only --atomic --diskspec vdd,snapshot=no --diskspec vde,snapshot=external > /dev/null
    assert_equal "$(sources)" "vdb=b.s2 vdc=c.raw vdd=d.s1 vde=e.s2"
    assert_equal "$(sources --inactive)" "vdb=b.s2 vdc=c.raw vdd=d.s1 vde=e.s2"
    assert_equal "$(qmp a transaction | jq -c '[.arguments.actions[].type] | unique')" '["blockdev-snapshot"]'
    assert_equal "$(qmp a transaction | jq '.arguments.actions | length')" 2
    assert_equal "$(disks_of_snapshot a s2)" "vdb=external vdc=no vdd=no vde=external memory=no"
    assert_guest_went_on a a
}

@test "an external snapshot with memory gives overlays to the selected disks alone, and the guest goes on" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=raw:d.raw
    start_guest a
    on a virsh -q snapshot-create-as demo s1 --memspec file=/var/lib/libvirt/images/memory > /dev/null
    assert_equal "$(sources)" "vdb=b.s1 vdc=c.raw vdd=d.s1"
    assert_equal "$(disks_of_snapshot a s1)" "vdb=external vdc=no vdd=external memory=external"
    [ "$(stat -c %s "$(image a memory)")" -gt 1000000 ]
    assert_guest_went_on a a
    on a virsh -q snapshot-create-as demo s2 --memspec file=/var/lib/libvirt/images/memory2 --halt > /dev/null
    assert_equal "$(state_of a)" "shut off"
    assert_equal "$(sources)" "vdb=b.s2 vdc=c.raw vdd=d.s2"
}

@test "what is refused for external snapshots in stock libvirt is refused" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s0 > /dev/null
    on a virsh -q snapshot-create-as demo s1 --disk-only > /dev/null
    on a virsh -q snapshot-create-as demo s2 --disk-only > /dev/null
    run -1 on a virsh -q snapshot-delete demo s1 --children
    assert_output --partial "deletion of external children disk snapshots not supported"
    # Nothing is taken that cannot be quiesced: the lab's guest has no agent.
    on a virsh -q resume demo
    run -1 on a virsh -q snapshot-create-as demo s3 --disk-only --quiesce
    assert_output --partial "QEMU guest agent is not configured"
    run -1 on a virsh -q snapshot-create-as demo s3 --quiesce
    assert_equal "$(snapshots a)" "s0 s1 s2"
    assert_equal "$(sources)" "vdb=b.s2 vdc=c.raw"
}

@test "a revert to an external snapshot gives no overlay to the disks that their flags left out" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=nbd:d,snapshot=false
    start_guest a
    on a virsh -q snapshot-create-as demo s1 --disk-only > /dev/null
    on a virsh -q snapshot-create-as demo s2 --memspec file=/var/lib/libvirt/images/memory2 > /dev/null
    # To one without memory: the guest is off.
    on a virsh -q snapshot-revert demo s1
    assert_equal "$(state_of a)" "shut off"
    assert_regex "$(sources)" '^vdb=b\.[0-9]+ vdc=c\.raw vdd='
    assert_equal "$(backing_of vdb)" b.qcow2
    # libvirt names overlays after the second.
    sleep 1
    # To one with memory: it runs.
    on a virsh -q snapshot-revert demo s2
    assert_equal "$(state_of a)" running
    assert_regex "$(sources)" '^vdb=b\.[0-9]+ vdc=c\.raw vdd='
    assert_equal "$(backing_of vdb)" b.s1
    assert_equal "$(flags_of a vdc) $(flags_of a vdd)" "snapshot=false snapshot=false"
}

@test "a disk that a later external snapshot took in spite of its flag gets an overlay like any other" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1 --disk-only > /dev/null
    on a virsh -q snapshot-create-as demo s2 --disk-only --diskspec vdc,snapshot=external > /dev/null
    on a virsh -q snapshot-revert demo s1
    # c.raw is what c.s2 stands on.
    assert_regex "$(sources)" '^vdb=b\.[0-9]+ vdc=c\.[0-9]+$'
    assert_equal "$(backing_of vdc)" c.raw
}

@test "an external snapshot of the selected disks is deleted by merging just them" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    start_guest a
    on a virsh -q snapshot-create-as demo s1 --disk-only > /dev/null
    mark
    on a virsh -q snapshot-delete demo s1
    assert_equal "$(qmp a block-commit | wc -l)" 1
    assert_equal "$(sources)" "vdb=b.qcow2 vdc=c.raw"
    assert_equal "$(snapshots a)" ""
    assert_guest_went_on a a
}
