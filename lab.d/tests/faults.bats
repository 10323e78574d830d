#!/usr/bin/env bats
# The fault campaign itself: each of its checks can fail.

bats_require_minimum_version 1.5.0
load lab
load snapshot

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() {
    [ -z "${CASE-}" ] || thaw_all
    [ -z "${CAMPAIGN_LAB-}" ] || LDF_LAB=$CAMPAIGN_LAB "$ROOT/lab" down
    lab_teardown
}

# enter_case OPERATION; campaign OPERATION: a case of it, with its guest.
enter_case() {
    CASE=$BATS_TEST_TMPDIR STOCK=no PHASE='' MAY_BE=running/none
    OPERATION=$1 FAULT=
    . "$ROOT/lab.d/faults.d/campaign.bash"
}

campaign() {
    enter_case "$1"
    prepare_guest
}

# assert_holds CHECK...; assert_breach TEXT CHECK...: run as in a case.
assert_holds() {
    rm -f "$CASE/breached" "$CASE/said-of-it"
    step it "$@"
    output=$(cat "$CASE/said-of-it")
    is_whole || fail "$output"
}

assert_breach() {
    local text=$1
    shift
    rm -f "$CASE/breached" "$CASE/said-of-it"
    step it "$@"
    output=$(cat "$CASE/said-of-it")
    assert_equal "breached: $(cat "$CASE/breached")" "breached: it"
    assert_output --partial "$text"
}

# stop_guest NUMBER: ends it after it has printed NUMBER.
stop_guest() {
    wait_for_number a "$1"
    on a virsh -q destroy demo
}

# wipe_stamp IMAGE NUMBER: in a raw image.
wipe_stamp() { dd if=/dev/zero of="$(image a "$1")" bs=4k seek="$2" count=1 conv=notrunc status=none; }

@test "the campaign tells when a selected disk has lost a stamp" {
    campaign migrate
    stop_guest 3
    assert_holds check_stamps a
    wipe_stamp b.raw 2
    assert_breach "b.raw on a has" check_stamps a
}

@test "the campaign tells when a disk that is left out was copied or written to" {
    campaign migrate
    stop_guest 2
    assert_holds check_untouched
    cp "$(image a d.raw)" "$(image b d.raw)"
    assert_breach "d.raw on b: image of b" check_untouched
}

@test "the campaign tells when a disk that is left out was put into a snapshot" {
    campaign snapshot
    stop_guest 2
    assert_holds check_untouched
    qemu-img snapshot -c s1 "$(image a e.qcow2)"
    assert_breach "e.qcow2:s1" check_untouched
}

@test "the campaign tells when a flag has changed, live or defined" {
    campaign migrate
    assert_holds check_flags a
    update_flags a vdc=qcow2:c.qcow2,migrate=true --config
    assert_breach "persistent on a" check_flags a
    update_flags a vdc=qcow2:c.qcow2 --config
    assert_holds check_flags a
    update_flags a vdb=raw:b.raw,migrate=true --live
    assert_breach "live on a" check_flags a
}

@test "the campaign tells when two guests run, or have run" {
    campaign migrate
    assert_holds check_guest running/none
    on b virsh -q define "$BATS_TEST_TMPDIR/demo.xml"
    make_images b vdb=raw:b.raw vdc=qcow2:c.qcow2
    on b virsh -q start --paused demo
    assert_equal "$(outcome)" running/paused
    assert_breach "the guest is running/paused; it may be running/none" check_guest "$(outcome)"
    assert_breach "1 QEMU on b" check_guest running/none
    on b virsh -q destroy demo
    assert_holds check_guest running/none
    head -n 2 "$LDF_LAB/a/log/demo.serial" > "$LDF_LAB/b/log/demo.serial"
    assert_breach "printed on a and on b: 1 $(guest_session a)" check_guest running/none
}

@test "the campaign tells when a job, an export, a node, a port or a client is left behind" {
    campaign migrate
    monitor() { on a virsh -q qemu-monitor-command demo "$1" > /dev/null; }
    assert_holds check_left
    monitor '{"execute":"nbd-server-start","arguments":{"addr":{"type":"inet","data":{"host":"192.0.2.2","port":"49160"}}}}'
    assert_breach "192.0.2.2:49160" check_left
    monitor "{\"execute\":\"block-export-add\",\"arguments\":{\"type\":\"nbd\",\"id\":\"left\",\"node-name\":\"$(node a vdb)\"}}"
    assert_breach 'exports on a: ["left"]' check_left
    monitor '{"execute":"nbd-server-stop"}'
    monitor '{"execute":"blockdev-add","arguments":{"driver":"null-co","size":8388608,"node-name":"migration-vdb-format"}}'
    assert_breach "migration-vdb-format" check_left
    monitor "{\"execute\":\"blockdev-mirror\",\"arguments\":{\"job-id\":\"left\",\"device\":\"$(node a vdb)\",\"target\":\"migration-vdb-format\",\"sync\":\"none\"}}"
    assert_breach '"id":"left"' check_left
    monitor '{"execute":"block-job-cancel","arguments":{"device":"left","force":true}}'
    monitor '{"execute":"blockdev-del","arguments":{"node-name":"migration-vdb-format"}}'
    assert_holds check_left
    on a virsh -q event demo lifecycle --loop > /dev/null 3>&- &
    wait_until 10 sh -c "pgrep --ns $(cat "$LDF_LAB/a/pid") --exact virsh"
    assert_breach "virsh on a" check_left
    kill "$(pgrep --ns "$(cat "$LDF_LAB/a/pid")" --nslist pid --exact virsh)"
}

@test "the campaign tells when a tag is left that libvirt does not know" {
    campaign snapshot
    stop_guest 1
    assert_holds check_left
    qemu-img snapshot -c s1 "$(image a c.qcow2)"
    assert_breach "c.qcow2:earlier s1" check_left
}

@test "the campaign tells when a command that failed has not said why" {
    enter_case snapshot
    echo 0 > "$CASE/status"
    : > "$CASE/said"
    assert_holds check_said
    echo 1 > "$CASE/status"
    assert_breach "" check_said
    echo "error: Unable to read from monitor: Connection reset by peer" > "$CASE/said"
    assert_holds check_said
    echo "error: operation failed: snapshot-save failed: <null>" > "$CASE/said"
    assert_breach "<null>" check_said
}

@test "the campaign tells when the operation does not succeed again" {
    campaign migrate
    rm "$(image b d.raw)"
    assert_breach "d.raw" repeat a
    make_images b vdd=raw:d.raw
    assert_holds repeat a
    assert_equal "$(outcome)" none/running
}

@test "the campaign does not take a command that was answered for one that lasts" {
    campaign migrate
    on a virsh -q suspend demo
    assert_holds is_answered a stop
    assert_breach "" is_pending a stop
    assert_breach "stop was sent to QEMU of a already" refute_sent a stop
    freeze a qemu
    on a virsh -q resume demo > "$BATS_TEST_TMPDIR/said" 3>&- &
    wait_until 10 is_pending a cont
    assert_breach "" is_answered a cont
    thaw_all
    wait_until 10 is_answered a cont
}

@test "patterns choose cases, and a wrong one is refused with what to do" {
    run -0 "$ROOT/lab.d/faults" --list 'migrate/finish/qemu-*'
    assert_output "migrate/finish/qemu-a-killed
migrate/finish/qemu-b-killed"
    run -1 "$ROOT/lab.d/faults" 'migrate/finnish/*'
    assert_output --partial "no case is named migrate/finnish/*; see ./check faults --list"
    run -1 "$ROOT/lab.d/faults" --jobs many
    assert_output --partial "--jobs needs a number"
}

@test "a campaign that is interrupted leaves nothing" {
    local build="$BATS_TEST_TMPDIR/build" pid
    CAMPAIGN_LAB="$build/faults/lab-1"
    LDF_BUILD=$build "$ROOT/lab.d/faults" --jobs 1 migrate/begin/libvirtd-a-killed > /dev/null 2>&1 3>&- &
    pid=$!
    wait_until 60 test -e "$CAMPAIGN_LAB/a/log/demo.serial"
    kill -TERM "$pid"
    wait "$pid" || :
    run -0 env LDF_LAB="$CAMPAIGN_LAB" "$ROOT/lab" status
    assert_output "lab: down"
    run -1 pgrep --full "$build"
}
