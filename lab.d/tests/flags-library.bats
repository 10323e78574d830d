#!/usr/bin/env bats
# The disk-set library over a connection to another host.
# bats file_tags=any-qemu

bats_require_minimum_version 1.5.0
load lab

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() {
    lab_setup
    export LIBVIRT_DEFAULT_URI=qemu+tcp://a/system
    export LD_LIBRARY_PATH=$LDF_BUILD_PATCHED/src:$LDF_BUILD_PATCHED/src/disk_set
}
teardown() { lab_teardown; }

# calls WORD...: what the library gives on host b for the guest on host a.
calls() { on b env "LD_LIBRARY_PATH=$LD_LIBRARY_PATH" "LIBVIRT_DEFAULT_URI=$LIBVIRT_DEFAULT_URI" "$ROOT/lab.d/disk-set" demo "$@"; }

flagless_guest() {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw vdd=qcow2:d.qcow2 hdc=cdrom:
    start_guest a
}

@test "a disk is put into the set once and taken out once" {
    flagless_guest
    mark
    assert_equal "$(calls add vdb) $(calls add vdb)" "0 1"
    assert_equal "$(flags_of a vdb)" "migrate=true"
    assert_equal "$(calls remove vdb) $(calls remove vdb)" "0 1"
    assert_equal "$(flags_of a vdb)" "migrate=false"
    assert_equal "$(qmp_names a)" ""
}

@test "all disks that can have the flag are put in and taken out together" {
    flagless_guest
    assert_equal "$(calls add-all)" 0
    assert_equal "$(calls size)" 3
    assert_equal "$(calls list)" "3 vdb vdc vdd"
    assert_equal "$(calls remove-all)" 0
    assert_equal "$(calls size) $(calls list)" "0 0"
    assert_equal "$(flags_of a hdc)" ""
}

@test "the snapshot set and the persistent definition are chosen by flags" {
    flagless_guest
    assert_equal "$(calls add vdd snapshot config)" 0
    assert_equal "$(flags_of a vdd) / $(flags_of a vdd --inactive)" " / snapshot=true"
    assert_equal "$(calls list snapshot config) / $(calls list snapshot)" "1 vdd / 0"
}

@test "what cannot be is refused with a message that names disk and remedy" {
    flagless_guest
    run -0 calls add vdx
    assert_output --regexp "^-1 .*'vdx'"
    run -0 calls add hdc
    assert_output --regexp "^-1 .*'hdc'"
    run -0 calls migrate-params
    assert_output --regexp "^-1 .*empty"
    assert_equal "$(flags_of a vdb)" ""
}

@test "a migration copies just the set that the library gives" {
    flagless_guest
    assert_equal "$(calls remove-all) $(calls add vdb) $(calls add vdd)" "0 0 0"
    make_images b vdb=qcow2:b.qcow2 vdc=raw:c.raw vdd=qcow2:d.qcow2
    given=$(calls migrate-params)
    assert_equal "$given" "2 migrate_disks=vdb migrate_disks=vdd"
    mark
    run -0 migrate a b p2p --copy-storage-all --unsafe
    assert_copied a b "vdb vdd"
    assert_guest_went_on a b
}

@test "a snapshot takes just the set that the library gives" {
    flagless_guest
    assert_equal "$(calls add vdd snapshot)" 0
    calls snapshot-xml > "$BATS_TEST_TMPDIR/snapshot.xml"
    sed -i '1s/^0 //' "$BATS_TEST_TMPDIR/snapshot.xml"
    mark
    run -0 on a virsh -q snapshot-create demo "$BATS_TEST_TMPDIR/snapshot.xml"
    assert_equal "$(qmp a snapshot-save | jq '.arguments.devices | length')" 1
    assert [ -n "$(qcow2_tags a d.qcow2)" ]
    assert_equal "$(qcow2_tags a b.qcow2)" ""
}

@test "a save takes the set and the memory to a file, and the guest goes on" {
    flagless_guest
    assert_equal "$(calls add vdd snapshot)" 0
    assert_equal "$(calls save /var/lib/libvirt/images/memory)" 0
    assert_equal "$(qcow2_tags a d.qcow2), $(qcow2_tags a b.qcow2), $(state_of a)" "saved, , running"
    [ -s "$LDF_LAB/a/lib/images/memory" ]
    run -0 calls save /var/lib/libvirt/images/memory
    assert_line --regexp "^-1 .*already exists"
    on a virsh -q snapshot-revert demo saved
    on a virsh -q snapshot-delete demo saved
    [ ! -e "$LDF_LAB/a/lib/images/memory" ]
}

@test "a save that halts ends the guest, and can be gone back to" {
    flagless_guest
    assert_equal "$(calls add vdd snapshot)" 0
    assert_equal "$(calls save /var/lib/libvirt/images/memory halt)" 0
    assert_equal "$(qcow2_tags a d.qcow2), $(state_of a)" "saved, shut off"
    on a virsh -q snapshot-revert demo saved --running
    assert_equal "$(state_of a)" running
}

@test "a save that halts and fails lets the guest go on" {
    flagless_guest
    assert_equal "$(calls add vdd snapshot)" 0
    echo mine > "$LDF_LAB/a/lib/images/memory"
    run -0 calls save /var/lib/libvirt/images/memory halt
    assert_line --regexp "^-1 .*exists already"
    assert_equal "$(state_of a), $(cat "$LDF_LAB/a/lib/images/memory")" "running, mine"
}

@test "a Python program migrates what it has put in, and is told what failed" {
    flagless_guest
    make_images b vdb=qcow2:b.qcow2 vdc=raw:c.raw vdd=qcow2:d.qcow2
    cat > "$BATS_TEST_TMPDIR/move.py" <<'PYTHON'
import sys

import libvirt

sys.path.insert(0, sys.argv[1])
import libvirt_disk_set as disk_set

libvirt.registerErrorHandler(lambda context, error: None, None)
domain = libvirt.open().lookupByName("demo")
try:
    disk_set.add(domain, "vdx")
except libvirt.libvirtError as error:
    print("refused by the library:", error.get_error_code(), error)
disk_set.remove_all(domain)
print(disk_set.add(domain, "vdb"), disk_set.add(domain, "vdb"), disk_set.disks(domain))
domain.migrateToURI3("qemu+tcp://b/system", disk_set.migrate_params(domain),
                     libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER |
                     libvirt.VIR_MIGRATE_NON_SHARED_DISK | libvirt.VIR_MIGRATE_UNSAFE)
domain.undefine()
try:
    disk_set.size(domain)
except libvirt.libvirtError as error:
    print("refused by libvirt:", error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN)
PYTHON
    mark
    run -0 on b env "LD_LIBRARY_PATH=$LD_LIBRARY_PATH" "LIBVIRT_DEFAULT_URI=$LIBVIRT_DEFAULT_URI" \
        /usr/bin/python3 "$BATS_TEST_TMPDIR/move.py" "$ROOT/src/disk_set"
    assert_line --regexp "^refused by the library: None .*'vdx'"
    assert_line "True False ['vdb']"
    assert_line "refused by libvirt: True"
    assert_copied a b vdb
    assert_guest_went_on a b
}

@test "the library makes no error in memory over a remote connection" {
    flagless_guest
    run -0 on b env "LD_LIBRARY_PATH=$LD_LIBRARY_PATH" "LIBVIRT_DEFAULT_URI=$LIBVIRT_DEFAULT_URI" \
        valgrind -q --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
        --error-exitcode=9 "$LDF_BUILD_PATCHED/examples/c/domain/disk-set" demo vdb vdd
    assert_output --partial "in the set: vdb"
    assert_output --partial "virDomainMigrate3: migrate_disks=vdd"
}

@test "a daemon that drops flags is noticed when a disk is put in" {
    new_lab --stock a
    make_images a vdb=qcow2:b.qcow2
    "$ROOT/lab.d/guest-xml" demo vdb=qcow2:b.qcow2 > "$BATS_TEST_TMPDIR/demo.xml"
    on a virsh -q define "$BATS_TEST_TMPDIR/demo.xml"
    run -0 calls add vdb
    assert_output --regexp "^-1 .*'vdb'.*dropped"
}
