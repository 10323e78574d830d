# Helpers of tests of migrations between a host with our change (a) and a stock one
# (b): `load stock` after `load lab`.
# shellcheck shell=bash disable=SC2154

# common_machine DEBIAN: the newest machine type that the QEMU of this system and
# that of the stock host know.
common_machine() {
    case $LDF_SYSTEM-$1 in
    *bookworm*) echo pc-i440fx-7.2 ;;
    *) echo pc-i440fx-10.0 ;;
    esac
}

# assert_moved: the migration from a to b that was run succeeded.  Where QEMU_REFUSES
# is set, QEMU of b may have refused the guest's memory for that reason instead: all
# that libvirt does is done by then, and the guest stays on a.
assert_moved() {
    if [ -z "${QEMU_REFUSES-}" ] || [ "$status" -eq 0 ]; then
        assert_equal "$status" 0
        assert_guest_went_on a b
    else
        grep "$QEMU_REFUSES" "$LDF_LAB/b/log/qemu/demo.log"
        assert_guest_went_on a a
    fi
}

works_to_stock() {
    local way=$1 copied=$2
    shift 2
    define_guest a "$@"
    start_guest a
    mark
    run migrate a b "$way" --copy-storage-all
    assert_copied a b "$copied"
    assert_moved
}

# stops DISK...: managed migration, before anything is made or moved.
stops() {
    define_guest a "$@"
    start_guest a
    mark
    run -1 migrate a b managed --copy-storage-all --unsafe
    assert_output --partial "disk-flags"
    # What the stock host says means nothing to its reader: the source has told before.
    since_mark a | grep "the flags of the disks of domain 'demo' decide which are copied.*Unknown migration cookie feature disk-flags"
    assert_equal "$(qmp_names a | grep -xE 'blockdev-mirror|migrate')" ""
    assert_equal "$(qmp_names b)" ""
    assert_equal "$(ls "$LDF_LAB/b/lib/images")" ""
    assert_equal "$(on b virsh -q list --all --name)" ""
    assert_guest_went_on a a
    assert_no_job a
}

# obeys COPIED DISK...: p2p sends the stock host the list.
obeys() {
    local copied=$1 disk
    shift
    define_guest a "$@"
    start_guest a
    for disk in "$@"; do
        [[ "$disk" != *migrate=false* ]] || make_images b "$disk"
    done
    mark
    run migrate a b p2p --copy-storage-all --unsafe
    assert_copied a b "$copied"
    assert_moved
}

from_stock() {
    define_guest b vda=nbd:vda,shareable vdb=qcow2:b.qcow2 vdc=raw:c.raw
    start_guest b
    mark
    run -0 migrate b a "$1" --copy-storage-all
    assert_copied b a "vdb vdc"
    assert_guest_went_on b a
    assert_images_copied b a b.qcow2 c.raw
}
