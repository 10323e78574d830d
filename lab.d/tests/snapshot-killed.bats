#!/usr/bin/env bats
# libvirtd, or QEMU, killed in the middle of snapshot operations.

bats_require_minimum_version 1.5.0
load lab
load snapshot

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() {
    # A test that failed may have left a reader to wait for.
    [ ! -p "${FIFO-}" ] || timeout 5 cat "$FIFO" > /dev/null || rm -f "$FIFO"
    on a rm -f /run/hold-demo
    thaw_libvirtd
    thaw_qemu
    end_virsh
    lab_teardown
}

# The guest of these tests: one disk of three is selected.
start_subset_guest() {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=qcow2:d.qcow2,snapshot=false
    start_guest a
    on a virsh -q snapshot-create-as demo earlier > /dev/null
    mark
}

# kill_libvirtd_and_thaw: what QEMU was told is done while nobody listens.
kill_libvirtd_and_thaw() {
    local qemu
    qemu=$(qemu_pid a)
    lab stop a --kill
    on a kill -CONT "$qemu"
}

# Whatever was interrupted: nothing of it is left and a new snapshot works.
assert_as_good_as_new() {
    assert_no_job a
    on a virsh -q snapshot-create-as demo afterwards > /dev/null
    assert_equal "$(current a)" afterwards
    assert_regex "$(qcow2_tags a b.qcow2)" '(^| )afterwards$'
}

# fifo SNAPSHOT: whoever writes the snapshot's metadata waits for ever.
fifo() {
    FIFO=$LDF_LAB/a/lib/qemu/snapshot/demo/$1.xml.new
    mkfifo "$FIFO"
}

# kill_libvirtd_at_fifo COMMAND...: once the command is true, libvirtd can only
# be about to write to the fifo.
kill_libvirtd_at_fifo() {
    wait_until 30 "$@"
    lab stop a --kill
    rm "$FIFO"
}

is_resumed() { [ -n "$(qmp_events a RESUME)" ]; }

metadata_say_current() { grep -q '<active>1</active>' "$LDF_LAB/a/lib/qemu/snapshot/demo/$1.xml"; }

metadata_do_not_say_current() { ! metadata_say_current "$1"; }

is_off() { [ "$(state_of a)" = "shut off" ]; }

is_another_qemu_stopped() {
    local pid
    pid=$(qemu_pid a 2>/dev/null) && [ "$pid" != "$1" ] && on a grep -q '^State:[[:space:]]*T' "/proc/$pid/status"
}

is_process_gone() { ! on a kill -0 "$1" 2>/dev/null; }

@test "libvirtd killed while QEMU saves: the guest runs on, no tag and no job stays" {
    start_subset_guest
    hold_in snapshot-save snapshot-create-as demo s1
    kill_libvirtd_and_thaw
    start_libvirtd
    assert_equal "$(state_of a)" running
    assert_guest_went_on a a
    assert_equal "$(tags a b.qcow2 d.qcow2)" "b.qcow2:earlier d.qcow2:"
    assert_equal "$(snapshots a), current $(current a)" "earlier, current earlier"
    assert_as_good_as_new
}

@test "libvirtd killed while QEMU saves a guest that was paused: it stays paused" {
    start_subset_guest
    on a virsh -q suspend demo
    hold_in snapshot-save snapshot-create-as demo s1
    kill_libvirtd_and_thaw
    start_libvirtd
    assert_equal "$(state_of a)" paused
    assert_equal "$(tags a b.qcow2 d.qcow2)" "b.qcow2:earlier d.qcow2:"
    assert_as_good_as_new
    assert_equal "$(state_of a)" paused
}

@test "libvirtd killed before QEMU is told to save: the guest runs on" {
    start_subset_guest
    on a kill -STOP "$(qemu_pid a)"
    in_background snapshot-create-as demo s1
    wait_until 30 is_sent a query-migrate
    kill_libvirtd_and_thaw
    start_libvirtd
    assert_equal "$(state_of a)" running
    assert_guest_went_on a a
    assert_equal "$(snapshots a), current $(current a)" "earlier, current earlier"
    assert_as_good_as_new
}

@test "libvirtd killed between the save and its metadata: no tag stays, the earlier snapshot is current" {
    local at
    start_subset_guest
    for at in earlier s1; do
        fifo "$at"
        in_background snapshot-create-as demo s1
        if [ "$at" = earlier ]; then
            kill_libvirtd_at_fifo is_resumed
        else
            kill_libvirtd_at_fifo metadata_do_not_say_current earlier
        fi
        assert_equal "$(qcow2_tags a b.qcow2)" "earlier s1"
        start_libvirtd
        assert_equal "$(state_of a)" running
        assert_guest_went_on a a
        assert_equal "$(tags a b.qcow2 d.qcow2)" "b.qcow2:earlier d.qcow2:"
        assert_equal "$(snapshots a), current $(current a)" "earlier, current earlier"
        mark
    done
    assert_as_good_as_new
}

@test "libvirtd killed between a save that halts and its metadata: the guest runs on, no tag stays" {
    start_subset_guest
    fifo s1
    in_background snapshot-create-as demo s1 --halt
    kill_libvirtd_at_fifo is_job_concluded a
    start_libvirtd
    assert_equal "$(state_of a)" running
    assert_guest_went_on a a
    assert_equal "$(tags a b.qcow2 d.qcow2)" "b.qcow2:earlier d.qcow2:"
    assert_equal "$(snapshots a), current $(current a)" "earlier, current earlier"
    assert_as_good_as_new
}

@test "libvirtd killed while QEMU deletes: the deletion is finished, the parent is current" {
    start_subset_guest
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    mark
    hold_in snapshot-delete snapshot-delete demo s1
    kill_libvirtd_and_thaw
    start_libvirtd
    assert_equal "$(state_of a)" running
    assert_guest_went_on a a
    assert_equal "$(tags a b.qcow2 d.qcow2)" "b.qcow2:earlier d.qcow2:"
    assert_equal "$(snapshots a), current $(current a)" "earlier, current earlier"
    assert_as_good_as_new
}

@test "libvirtd killed between the deletion and its metadata: the deletion is finished" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=qcow2:d.qcow2,snapshot=false
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo earlier > /dev/null
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    mark
    fifo earlier
    in_background snapshot-delete demo s1
    kill_libvirtd_at_fifo is_job_concluded a
    start_libvirtd
    assert_equal "$(state_of a)" paused
    assert_equal "$(tags a b.qcow2 d.qcow2)" "b.qcow2:earlier d.qcow2:"
    assert_equal "$(snapshots a), current $(current a)" "earlier, current earlier"
    assert_as_good_as_new
}

@test "libvirtd killed while QEMU loads: the guest is shut off, the same revert then succeeds" {
    local number last qemu
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    on a virsh -q undefine demo
    sed -i "s,<emulator>.*</emulator>,<emulator>$ROOT/lab.d/faults.d/emulator</emulator>," "$BATS_TEST_TMPDIR/demo.xml"
    on a virsh -q define "$BATS_TEST_TMPDIR/demo.xml"
    start_guest a
    number=$(pause_after a 2)
    on a virsh -q snapshot-create-as demo s1 > /dev/null
    on a virsh -q resume demo
    last=$(pause_after a $((number + 1)))
    mark
    # The QEMU that the revert starts waits before it begins.
    on a touch /run/hold-demo
    qemu=$(qemu_pid a)
    in_background snapshot-revert demo s1 --running
    wait_until 30 is_another_qemu_stopped "$qemu"
    on a rm /run/hold-demo
    step_qemu_to snapshot-load
    qemu=$(qemu_pid a)
    kill_libvirtd_and_thaw
    lab start a
    wait_until 30 is_process_gone "$qemu"
    # libvirtd may have yet to hear of it.
    wait_until 30 is_off
    assert_equal "$(tags a b.qcow2)" "b.qcow2:s1"
    [ "$(last_stamp a c.raw)" -ge "$last" ]
    serial_mark a
    on a virsh -q snapshot-revert demo s1 --running
    assert_running_from a "$number"
    assert_equal "$(current a)" s1
    assert_as_good_as_new
}

@test "QEMU of a transient domain killed when it has saved: no tag stays, libvirtd goes on" {
    local pid
    make_images a vdb=qcow2:b.qcow2 vdc=raw:c.raw
    "$ROOT/lab.d/guest-xml" demo vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false > "$BATS_TEST_TMPDIR/demo.xml"
    on a virsh -q create "$BATS_TEST_TMPDIR/demo.xml" > /dev/null
    pid=$(libvirtd_pid)
    hold_in snapshot-save snapshot-create-as demo s1
    save_unheard b.qcow2
    on a kill -KILL "$(qemu_pid a)"
    thaw_libvirtd
    wait "$(cat "$BATS_TEST_TMPDIR/virsh.pid")" || :
    run cat "$BATS_TEST_TMPDIR/virsh"
    assert_output --partial "error: "
    assert_equal "domains: $(on a virsh -q list --all --name | xargs)" "domains: "
    assert_equal "$(libvirtd_pid)" "$pid"
    assert_equal "$(tags a b.qcow2)" "b.qcow2:"
}
