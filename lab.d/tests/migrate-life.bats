#!/usr/bin/env bats
# Flags through the life of a guest that migrates.

bats_require_minimum_version 1.5.0
load lab

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() { lab_teardown; }

@test "a flag that update-device changes on a running guest is obeyed by the next migration" {
    local way
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,migrate=false
    start_guest a
    make_images b vdb=qcow2:b.qcow2
    update_flags a vdb=qcow2:b.qcow2,migrate=false --live
    update_flags a vdc=raw:c.raw --live
    mark
    run -0 migrate a b managed --copy-storage-all --unsafe
    assert_copied a b vdc
    assert_guest_went_on a b
    assert_images_copied a b c.raw
    assert_images_not_copied a b b.qcow2

    update_flags b vdb=qcow2:b.qcow2,migrate=true --live
    update_flags b vdc=raw:c.raw,migrate=false --live
    mark
    run -0 migrate b a p2p --copy-storage-all --unsafe
    assert_copied b a vdb
}

@test "flags are obeyed after a restart of libvirtd on the source and on the destination" {
    local how
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,migrate=false
    start_guest a
    update_flags a vdb=qcow2:b.qcow2,migrate=true --live
    make_images b vdc=raw:c.raw
    for how in "" --kill; do
        # shellcheck disable=SC2086 # no word when empty
        lab restart a $how
        assert_equal "$(flags_of a vdb) $(flags_of a vdc)" "migrate=true migrate=false"
    done
    mark
    run -0 migrate a b managed --copy-storage-all --unsafe
    assert_copied a b vdb
    assert_guest_went_on a b

    for how in "" --kill; do
        # shellcheck disable=SC2086 # no word when empty
        lab restart b $how
        assert_equal "$(flags_of b vdb) $(flags_of b vdc)" "migrate=true migrate=false"
    done
    mark
    run -0 migrate b a p2p --copy-storage-all --unsafe
    assert_copied b a vdb
    assert_equal "$(flags_of a vdb) $(flags_of a vdc)" "migrate=true migrate=false"
}

# cancels WAY: a copy that would take a minute is aborted when it runs.
cancels() {
    DISK_SIZE=64M define_guest a vdb=raw:b.raw,migrate=true vdc=raw:c.raw,migrate=false
    dd if=/dev/urandom of="$(image a b.raw)" bs=1M seek=8 count=56 conv=notrunc status=none
    start_guest a
    DISK_SIZE=64M make_images b vdc=raw:c.raw
    mark
    migrate_in_background a b "$1" --copy-storage-all --unsafe --bandwidth 1
    wait_until 20 job_copies a
    on a virsh -q domjobabort demo
    assert_background_failed "canceled"

    assert_equal "$(mirrored_disks a)" vdb
    assert_equal "$(qmp_names a | grep -x migrate)" ""
    assert_equal "$(state_of a)" running
    assert_guest_went_on a a
    assert_no_job a
    assert_equal "$(flags_of a vdb) $(flags_of a vdc)" "migrate=true migrate=false"
    wait_until 20 is_unknown b

    # A new try obeys the flags, too.
    mark
    run -0 migrate a b "$1" --copy-storage-all --unsafe
    assert_copied a b vdb
    assert_guest_went_on a b
}

job_copies() { [ "$(qmp_events "$1" JOB_STATUS_CHANGE | jq -r 'select(.data.status == "running") | .data.id')" ]; }
is_unknown() { [ -z "$(state_of "$1")" ]; }

@test "a migration cancelled half-way leaves guest, flags and no job at the source (managed)" {
    cancels managed
}

@test "a migration cancelled half-way leaves guest, flags and no job at the source (p2p)" {
    cancels p2p
}

# A guest with a disk to copy and one to leave out.
starts_flagged() {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,migrate=false
    start_guest a 1
    make_images b vdc=raw:c.raw
}

# goes_postcopy WAY OPTION...: memory is copied so slowly that most of it is left
# when the guest moves.
goes_postcopy() {
    mark
    migrate_in_background a b "$@" --copy-storage-all --unsafe --postcopy --bandwidth 8
    wait_until 30 migration_is active a
    on a virsh -q migrate-postcopy demo
    wait_until 30 migration_is postcopy-active a
    wait_until 30 cpus_run b
}

cpus_run() { [ "$(qmp_events "$1" RESUME)" ]; }

migration_is() { qmp_events "$2" MIGRATION | jq -r .data.status | grep -qx "$1"; }

@test "flags are obeyed with post-copy" {
    starts_flagged
    goes_postcopy managed
    wait "$background"
    assert_copied a b vdb
    assert_guest_went_on a b
    assert_images_copied a b b.qcow2
    assert_images_not_copied a b c.raw
}

# resumes WAY: post-copy loses its connection and is resumed.  That happens while
# the guest sleeps and after it was awake on b: QEMU answers no command while a
# disk or an interrupt waits for memory that the lost connection did not bring.
resumes() {
    INTERVAL=3 starts_flagged
    goes_postcopy "$1" --postcopy-bandwidth 3
    wait_for_number b 2
    on a virsh -q domjobabort demo --postcopy
    assert_background_failed "error"
    assert_copied a b vdb
    assert_equal "$(on a virsh -q domstate demo --reason)" "paused (post-copy failed)"

    local peer=${1#managed}
    mark
    # libvirt may take the news of the break for one of the resumed migration
    # and call it failed while QEMU completes it, so that QEMU is believed.
    run timeout 60 "$ROOT/lab" a virsh -q migrate --live ${peer:+--p2p} \
        --copy-storage-all --unsafe --postcopy --postcopy-resume \
        --postcopy-bandwidth 1000 demo qemu+tcp://b/system
    assert_equal "$(qmp a migrate | jq .arguments.resume)" true
    wait_until 30 migration_is completed b
    assert_copied a b ""
    assert_guest_went_on a b
    assert_images_copied a b b.qcow2
    assert_images_not_copied a b c.raw
}

@test "a post-copy migration that is resumed does not copy again (managed)" {
    resumes managed
}

@test "a post-copy migration that is resumed does not copy again (p2p)" {
    resumes p2p
}

@test "flags are obeyed with parallel connections" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,migrate=false
    start_guest a
    make_images b vdc=raw:c.raw
    mark
    run -0 migrate a b p2p --copy-storage-all --unsafe --parallel --parallel-connections 2
    assert_equal "$(qmp a migrate-set-parameters | jq '.arguments["multifd-channels"] // empty')" 2
    assert_copied a b vdb
    assert_guest_went_on a b
    assert_images_copied a b b.qcow2
}

# moves_for_good WAY: with the definition.
moves_for_good() {
    define_guest a vdb=qcow2:b.qcow2,migrate=true vdc=raw:c.raw,migrate=false,snapshot=false
    start_guest a
    update_flags a vdb=qcow2:b.qcow2,migrate=true,snapshot=true --live
    make_images b vdc=raw:c.raw
    mark
    run -0 migrate a b "$1" --copy-storage-all --unsafe --persistent --undefinesource
    assert_copied a b vdb
    assert_guest_went_on a b
    assert_equal "$(on a virsh -q list --all --name)" ""
    assert_equal "$(flags_of b vdb)" "migrate=true snapshot=true"
    # The definition is the one that the source had, where the change was live only.
    assert_equal "$(flags_of b vdb --inactive)" "migrate=true"
    assert_equal "$(flags_of b vdc --inactive)" "migrate=false snapshot=false"
}

@test "with --persistent --undefinesource the flags of both definitions move along (managed)" {
    moves_for_good managed
}

@test "with --persistent --undefinesource the flags of both definitions move along (p2p)" {
    moves_for_good p2p
}

@test "an offline migration takes the flags along" {
    define_guest a vdb=qcow2:b.qcow2,migrate=true vdc=raw:c.raw,migrate=false
    run -0 on a virsh -q migrate --offline --persistent demo qemu+tcp://b/system
    assert_equal "$(flags_of b vdb) $(flags_of b vdc)" "migrate=true migrate=false"
}
