#!/usr/bin/env bats
# External snapshots whose file systems the guest agent freezes meanwhile.

bats_require_minimum_version 1.5.0
load lab
load snapshot

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() { lab_teardown; }

# define_writing DISK...: a guest on a that writes files on vdb and vdc all the time.
define_writing() {
    local name
    for name in b c; do
        mke2fs -q -t ext4 "$BATS_TEST_TMPDIR/$name" 32M
    done
    qemu-img convert -f raw -O qcow2 "$BATS_TEST_TMPDIR/b" "$(image a b.qcow2)"
    cp "$BATS_TEST_TMPDIR/c" "$(image a c.raw)"
    MEMORY=192 FILES="vdb vdc" define_made a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    start_guest a
    wait_until 60 is_agent_there
}

is_agent_there() { on a virsh -q qemu-agent-command demo '{"execute":"guest-ping"}' > /dev/null 2>&1; }

# agent_commands: the freezing ones that were sent since the mark, in order.
agent_commands() {
    since_mark a | grep -o '"execute":"guest-fsfreeze-[a-z]*"' | sed 's/.*freeze-//; s/"//' | uniq | xargs
}

# agent_replies: how many file systems it froze, and thawed.
agent_replies() { since_mark a | sed -n 's/.*qemuAgentIOProcessLine.*"return": \([0-9]*\)}.*/\1/p'; }

# freeze_status: what the agent says of the file systems.
freeze_status() {
    on a virsh -q qemu-agent-command demo '{"execute":"guest-fsfreeze-status"}' | jq -r .return
}

# check_fs IMAGE: e2fsck of a qcow2 image, which may repair nothing.
check_fs() {
    qemu-img convert -U -f qcow2 -O raw "$(image a "$1")" "$BATS_TEST_TMPDIR/checked"
    e2fsck -f -n "$BATS_TEST_TMPDIR/checked"
}

# assert_writes_go_on: the guest writes to the image that vdb has now.
assert_writes_go_on() {
    local before
    before=$(bytes_written)
    wait_until 20 are_more_written "$before"
}

bytes_written() { on a virsh -q domblkstat demo vdb | awk '$2 == "wr_bytes" { print $3 }'; }

are_more_written() { [ "$(bytes_written)" -gt "$1" ]; }

@test "a quiesced snapshot freezes, takes the flagged disks alone, and thaws" {
    define_writing
    mark
    on a virsh -q snapshot-create-as demo s1 --disk-only --quiesce > /dev/null
    assert_equal "$(agent_commands)" "freeze thaw"
    assert_equal "$(disks_of_snapshot a s1)" "vdb=external vdc=no memory=no"
    assert_equal "$(qmp a transaction | jq '.arguments.actions | length')" 1
    assert_equal "$(freeze_status)" thawed
    assert_writes_go_on
}

@test "a file system that is written meanwhile is clean in the image that is taken" {
    local round
    define_writing
    for round in 1 2 3; do
        on a virsh -q snapshot-create-as demo "s$round" --disk-only --quiesce > /dev/null
        assert_writes_go_on
    done
    run -0 check_fs b.qcow2
    run -0 check_fs b.s1
    run -0 check_fs b.s2
}

@test "without --quiesce the image that is taken is one of a guest that crashed" {
    define_writing
    assert_writes_go_on
    on a virsh -q snapshot-create-as demo s1 --disk-only > /dev/null
    run check_fs b.qcow2
    assert_line --partial "skipping journal recovery"
}

@test "file systems on disks that are left out are frozen, too" {
    define_writing
    mark
    on a virsh -q snapshot-create-as demo s1 --disk-only --quiesce > /dev/null
    assert_equal "$(agent_replies | xargs)" "2 2"
    run -0 on a virsh -q domfsinfo demo
    assert_line --regexp "/files/vdb .*vdb"
    assert_line --regexp "/files/vdc .*vdc"
}

@test "a quiesced snapshot that fails thaws, and no disk has an overlay" {
    define_writing
    mark
    run ! on a virsh -q snapshot-create-as demo s1 --disk-only --quiesce --diskspec vdb,file=/nowhere/b.s1
    assert_output --partial "/nowhere/b.s1"
    assert_equal "$(freeze_status)" thawed
    assert_equal "$(on a virsh -q domblklist demo | awk '$1 == "vdb" { print $2 }')" /var/lib/libvirt/images/b.qcow2
    assert_writes_go_on
}

@test "what is refused for its flags is refused before the guest is frozen" {
    define_writing
    on a virsh -q domblkflags demo vdb --snapshot false
    mark
    run ! on a virsh -q snapshot-create-as demo s1 --disk-only --quiesce
    assert_output --partial "snapshot"
    assert_equal "$(agent_commands)" ""
    assert_equal "$(freeze_status)" thawed
}

@test "a guest without an agent is refused, and goes on" {
    define_guest a vdb=qcow2:b.qcow2
    start_guest a
    run ! on a virsh -q snapshot-create-as demo s1 --disk-only --quiesce
    assert_output --partial "agent"
    assert_equal "$(state_of a), $(snapshots a)" "running, "
    assert_guest_went_on a a
}
