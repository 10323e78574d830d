# Phases of the operations.  hit_PHASE starts the operation and returns while it is
# in the phase and cannot leave it: QEMU is stopped with a command unanswered, or a
# file cannot be opened yet, or the bandwidth is so low that the phase lasts.  Each
# fails when what libvirtd has logged does not say so.
# shellcheck shell=bash

# --- Migration ---------------------------------------------------------------

# The first thing that a asks its QEMU.
hit_begin() {
    local first=query-block
    [ "$OPERATION" = migrate ] || first=query-migrate
    freeze a qemu
    start_operation
    wait_until 20 is_pending a "$first"
    refute_sent b qmp_capabilities
}

# QEMU of b is started for the guest and has not become QEMU yet.
hit_prepare() {
    hold_qemu b
    start_operation
    wait_until 30 is_qemu_held b
    refute_sent b nbd-server-start
    refute_sent a blockdev-mirror
}

hit_mirrors-running() {
    start_operation --bandwidth 1
    wait_until 30 are_mirrors_running
    is_mirror_ready drive-virtio-disk1 && fail "the mirrors are ready already"
    refute_sent a migrate
}

# Mirrors get ready while libvirtd does not listen; when it does again, QEMU does
# not answer.
hit_mirrors-ready() {
    start_operation --bandwidth 2
    wait_until 30 are_mirrors_running
    freeze a libvirtd
    wait_until 20 sees_mirrors_ready
    freeze a qemu
    thaw a libvirtd
    wait_until 10 are_mirrors_ready
    wait_until 10 is_pending a query-block-jobs
    refute_sent a migrate
}

hit_memory-moving() {
    start_operation --bandwidth 4
    wait_until 30 migration_is active
    [ "$(migration_status)" = active ] || fail "the migration is $(migration_status) already"
}

# b is not told to finish before all is moved; then its QEMU does not answer.
hit_finish() {
    hit_memory-moving
    freeze b libvirtd
    on a virsh -q migrate-setspeed demo 1000
    wait_until 30 migration_is completed
    freeze b qemu
    thaw b libvirtd
    wait_until 10 is_pending b nbd-server-stop
    refute_sent b cont
}

# a hears that b runs only when its own QEMU, which it then ends, does not react.
hit_confirm() {
    hit_finish
    freeze a libvirtd
    thaw b qemu
    wait_until 10 is_resumed_on b
    wait_until 10 is_answered b cont
    freeze a qemu
    thaw a libvirtd
    wait_until 10 is_logged a qemuMigrationSrcConfirmPhase
    [ -n "$(process_of a qemu)" ] || fail "QEMU of a has ended already"
}

are_mirrors_running() { [ "$(mirrored_disks a)" = "$COPIED" ] && ! is_pending a blockdev-mirror; }

is_mirror_ready() { qmp_events a BLOCK_JOB_READY | jq -r .data.device | grep -qx "$1"; }

are_mirrors_ready() { is_mirror_ready drive-virtio-disk1 && is_mirror_ready drive-virtio-disk2; }

sees_mirrors_ready() { [ "$(peek a query-block-jobs | jq -c 'map(.ready)')" = "[true,true]" ]; }

migration_status() { qmp_events a MIGRATION | tail -n 1 | jq -r .data.status; }

migration_is() { qmp_events a MIGRATION | jq -r .data.status | grep -qx "$1"; }

is_resumed_on() { [ -n "$(qmp_events "$1" RESUME)" ]; }

is_answered() { is_sent "$1" "$2" && ! is_pending "$1" "$2"; }

is_logged() { since_mark "$1" | grep -q "$2"; }

refute_sent() { ! is_sent "$1" "$2" || fail "$2 was sent to QEMU of $1 already"; }

# --- Snapshots ---------------------------------------------------------------

# The guest still runs; QEMU is asked whether it could be saved.
hit_pausing() {
    freeze a qemu
    start_operation
    wait_until 20 is_pending a query-migrate
    refute_sent a stop
}

# Saving, loading and deleting take a tenth of a second at most: QEMU gets there in
# small steps.
hit_saving() {
    freeze a qemu
    start_operation
    step_to_work
}

# Of a live snapshot: the disks are being taken, the guest is stopped.
hit_taking() {
    freeze a qemu
    start_operation
    step_to transaction
}

# Its memory is not protected yet, or its protection is not heard of.  QEMU answers at
# once and protects it then.
hit_protecting() {
    freeze a qemu
    start_operation
    step_until_sent migrate
    refute_sent a cont
}

hit_loading() {
    hit_starting
    step_to_work
}

step_to_work() { step_to "$(work_command)"; }

# step_until_sent COMMAND
step_until_sent() {
    "$FAULTS/step" "$(process_of a qemu)" "$LDF_LAB/a/log/libvirtd.log" "$(cat "$LDF_LAB/a/mark")" "$1"
}

# step_to COMMAND: and it is unanswered.
step_to() {
    step_until_sent "$1"
    is_pending a "$1" || fail "QEMU was done with $1 before it could be stopped"
}

# Of a backup: QEMU is asked which images it has, and is told nothing yet.
hit_asking() {
    freeze a qemu
    start_operation
    wait_until 20 is_pending a query-named-block-nodes
    refute_sent a transaction
}

# QEMU is done and has nothing left to read, and libvirtd does not listen yet.
hit_unheard() {
    case $OPERATION in
    snapshot) hit_saving ;;
    revert) hit_loading ;;
    delete) hit_deleting ;;
    esac
    freeze a libvirtd
    thaw a qemu
    wait_until 20 is_work_done
    is_pending a "$(work_command)"
}

hit_saved() { hit_heard; }

hit_loaded() { hit_heard; }

hit_deleted() { hit_heard; }

# libvirtd hears of it from a QEMU that does not answer any more.
hit_heard() {
    hit_unheard
    freeze a qemu
    thaw a libvirtd
    wait_until 10 is_answered a "$(work_command)"
    # A guest that is saved is told at once to run on, which QEMU has yet to do.
    ! is_resumed_on a || fail "the guest on a runs on already"
}

# QEMU's job waits to be dismissed.
is_work_done() { [ "$(peek a query-jobs | jq -c 'map(.status)')" = '["concluded"]' ]; }

hit_deleting() {
    freeze a qemu
    start_operation
    step_to_work
}

hit_starting() {
    hold_qemu a
    start_operation
    wait_until 30 is_qemu_held a
    refute_sent a snapshot-load
}

# Whoever opens the file for these metadata waits.
hit_metadata() {
    local snapshot=earlier
    ! is_taking || snapshot=s1
    hold_metadata "$snapshot"
    start_operation
    wait_until 30 is_metadata_held
    is_answered a "$(work_command)"
}

hit_resumed() {
    hold_metadata s1
    start_operation
    wait_until 30 is_metadata_held
    is_answered a cont
}

hold_metadata() {
    "$FAULTS/hold-open" "$LDF_LAB/a/lib/qemu/snapshot/demo/$1.xml.new" > "$CASE/hold" 2>&1 < /dev/null &
    echo $! > "$CASE/holder"
    wait_until 10 grep -qx ready "$CASE/hold"
}

is_metadata_held() { grep -qx held "$CASE/hold"; }
