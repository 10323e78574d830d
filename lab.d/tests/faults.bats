#!/usr/bin/env bats
# The fault campaign itself: each of its checks can fail.
# bats file_tags=any-qemu

bats_require_minimum_version 1.5.0
load lab
load snapshot

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() {
    [ -z "${CASE-}" ] || thaw_all
    [ -z "${CAMPAIGN_LAB-}" ] || LDF_LAB=$CAMPAIGN_LAB lab down
    lab_teardown
}

# enter_case OPERATION; campaign OPERATION: a case of it, with its guest.
enter_case() {
    CASE=$BATS_TEST_TMPDIR STOCK=no PHASE='' MAY_BE=running/none
    OPERATION=$1 FAULT=${FAULT-}
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

# wipe_stamp FILE NUMBER: in a raw image.
wipe_stamp() { dd if=/dev/zero of="$1" bs=4k seek="$2" count=1 conv=notrunc status=none; }

@test "the campaign tells when a selected disk has lost a stamp" {
    campaign migrate
    stop_guest 3
    assert_holds check_stamps a
    wipe_stamp "$(image a b.raw)" 2
    assert_breach "b.raw on a has" check_stamps a
}

@test "the campaign tells when a disk that is left out was copied or written to" {
    campaign migrate
    stop_guest 2
    assert_holds check_untouched
    wipe_stamp "$LDF_LAB/nbd/a" 1
    assert_breach "a on nbd has" check_untouched
    dd if="$(image a d.raw)" of="$(image b d.raw)" bs=1M count=4 conv=notrunc status=none
    cp "$(image a d.raw)" "$LDF_LAB/nbd/a"
    assert_breach "d.raw on b has stamp 1, that the guest wrote on a" check_untouched
    cp "$(image a d.raw)" "$(image b d.raw)"
    assert_breach "d.raw on b: image of b" check_untouched
    mirrored_disks() { echo "vdb vdc vdd"; }
    assert_breach "copied beside vdb vdc: vdd" check_untouched
}

@test "the campaign tells when what lies behind the stamps is lost" {
    DISK_SIZE=32M campaign migrate
    stop_guest 1
    data_of a > "$CASE/data"
    assert_holds check_stamps a
    dd if=/dev/urandom of="$(image a b.raw)" bs=4k seek=5000 count=1 conv=notrunc status=none
    assert_breach "data on a" check_stamps a
}

@test "the campaign tells when a command has claimed what is not so" {
    enter_case migrate
    echo 0 > "$CASE/status"
    assert_holds check_claimed none/running
    assert_breach "running/none" check_claimed running/none
    echo 1 > "$CASE/status"
    assert_holds check_claimed running/none

    campaign snapshot
    echo 0 > "$CASE/status"
    assert_breach "earlier s1" check_claimed running/none
    OPERATION=delete
    assert_holds check_claimed running/none
    on a virsh -q snapshot-create-as demo s1
    assert_breach "earlier s1" check_claimed running/none
    OPERATION=snapshot
    assert_holds check_claimed running/none
    OPERATION=revert
    has_gone_back && fail "the guest has gone back already"
    wait_for_number a $(($(guest_number a) + 2))
    on a virsh -q snapshot-revert demo s1 --running
    assert_holds check_claimed running/none
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
    make_images b vdb=raw:b.raw vdc=qcow2:c.qcow2 vde=qcow2:e.qcow2
    on b virsh -q start --paused demo
    assert_equal "$(outcome)" running/paused
    assert_breach "the guest is running/paused; it may be running/none" check_guest "$(outcome)"
    assert_breach "1 QEMU on b" check_guest running/none
    on b virsh -q destroy demo
    assert_holds check_guest running/none
    head -n 2 "$LDF_LAB/a/log/demo.serial" > "$LDF_LAB/b/log/demo.serial"
    assert_breach "printed on a and on b: 1 $(guest_session a)" check_guest running/none
}

@test "the campaign tells when a job, an export, a node, a port, a client or an image is left behind" {
    campaign migrate
    monitor() { on a virsh -q qemu-monitor-command demo "$1" > /dev/null; }
    assert_holds check_left_ports a
    assert_holds check_left_nodes a
    assert_holds check_left_jobs a
    monitor '{"execute":"nbd-server-start","arguments":{"addr":{"type":"inet","data":{"host":"192.0.2.2","port":"49160"}}}}'
    assert_breach "192.0.2.2:49160" check_left_ports a
    monitor "{\"execute\":\"block-export-add\",\"arguments\":{\"type\":\"nbd\",\"id\":\"left\",\"node-name\":\"$(node a vdb)\"}}"
    assert_breach 'exports on a: ["left"]' check_left_nodes a
    monitor '{"execute":"nbd-server-stop"}'
    monitor '{"execute":"blockdev-add","arguments":{"driver":"null-co","size":8388608,"node-name":"migration-vdb-format"}}'
    assert_breach "migration-vdb-format" check_left_nodes a
    monitor "{\"execute\":\"blockdev-mirror\",\"arguments\":{\"job-id\":\"left\",\"device\":\"$(node a vdb)\",\"target\":\"migration-vdb-format\",\"sync\":\"none\"}}"
    assert_breach '"id":"left"' check_left_jobs a
    monitor '{"execute":"block-job-cancel","arguments":{"device":"left","force":true}}'
    monitor '{"execute":"blockdev-del","arguments":{"node-name":"migration-vdb-format"}}'
    assert_holds check_left_nodes a
    assert_holds check_left_processes a
    on a virsh -q event demo lifecycle --loop > /dev/null 3>&- &
    wait_until 10 has_clients
    assert_breach "virsh on a" check_left_processes a
    kill "$(clients_of a)"
    assert_holds check_left_images a
    touch "$(image a other)"
    assert_breach "images on a: other" check_left_images a
}

has_clients() { [ -n "$(clients_of a)" ]; }

@test "the campaign tells when a blank image is left where the guest has not come for it" {
    campaign migrate
    assert_holds check_left_images b
    make_images b vde=qcow2:e.qcow2
    assert_breach "e.qcow2" check_left_images b
}

@test "the campaign tells when a backup has another disk, or not those that it should" {
    campaign backup
    on a virsh -q backup-begin demo
    wait_until 30 is_backup_over
    echo 0 > "$CASE/status"
    assert_holds check_claimed running/none
    assert_holds check_untouched
    assert_holds check_left_images a
    touch "$(image a e.qcow2.1)"
    assert_breach "backups of others: e" check_untouched
    rm "$(image a e.qcow2.1)" "$LDF_LAB"/a/lib/images/b.qcow2.[0-9]*
    assert_breach "backups of c" check_claimed running/none
}

@test "the campaign tells when a QEMU is left without a guest" {
    campaign migrate
    # shellcheck disable=SC2317
    word_of_state() { echo none; }
    assert_breach "1 QEMU on a" check_left_processes a
}

@test "the campaign tells when a tag is left that libvirt does not know" {
    campaign snapshot
    stop_guest 1
    assert_holds check_left_snapshots
    qemu-img snapshot -c s1 "$(image a c.qcow2)"
    assert_breach "c.qcow2:earlier s1" check_left_snapshots
    qemu-img snapshot -d s1 "$(image a c.qcow2)"
    touch "$LDF_LAB/a/lib/qemu/snapshot/demo/s1.xml"
    assert_breach "files: earlier s1" check_left_snapshots
}

@test "the campaign does not go on with a storage that is not full" {
    FAULT=storage-full campaign snapshot
    assert_holds fill_storage
    rm "$(image a filler)"
    # shellcheck disable=SC2317
    dd() { return 1; }
    assert_breach "0 blocks free" fill_storage
    unset -f dd
    on a virsh -q destroy demo
    unmount_small_storage
}

@test "a check that fails with the change only is a breach, one that fails without it, too, is not" {
    . "$ROOT/lab.d/faults.d/verdict.bash"
    assert_equal "$(verdict_of "" "")" "ok"
    assert_equal "$(verdict_of "guest" "")" "BREACH: guest"
    assert_equal "$(verdict_of "guest" "guest left-ports")" "libvirt's own: guest"
    assert_equal "$(verdict_of "flags guest" "guest")" "BREACH: flags guest"
    assert_equal "$(verdict_of "left-jobs" "left-ports")" "BREACH: left-jobs"
}

@test "a case that died or missed its phase is not excused" {
    . "$ROOT/lab.d/faults.d/verdict.bash"
    can_be_stocks snapshot/saved/qemu-a-killed "guest stamps"
    run -1 can_be_stocks snapshot/saved/qemu-a-killed "phase"
    run -1 can_be_stocks snapshot/saved/qemu-a-killed "died guest"
}

@test "what failed in a case is told in order, and its cleaning only where nothing else failed" {
    . "$ROOT/lab.d/faults.d/verdict.bash"
    assert_equal "$(breaches "$BATS_TEST_TMPDIR")" ""
    printf '%s\n' stamps guest cleaning > "$BATS_TEST_TMPDIR/breached"
    assert_equal "$(breaches "$BATS_TEST_TMPDIR")" "guest stamps"
    echo cleaning > "$BATS_TEST_TMPDIR/breached"
    assert_equal "$(breaches "$BATS_TEST_TMPDIR")" "cleaning"
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

@test "a campaign with a breach says so and fails" {
    local build="$BATS_TEST_TMPDIR/build"
    CAMPAIGN_LAB="$build/faults/lab-1"
    printf '%s\n' "snapshot nowhere qemu-a-killed off/none -" "snapshot pausing libvirtd-a-killed running/none -" \
        > "$BATS_TEST_TMPDIR/table"
    LDF_FAULTS_TABLE=$BATS_TEST_TMPDIR/table LDF_BUILD=$build run -1 "$ROOT/lab.d/faults" --jobs 1 3>&-
    assert_line --regexp '^snapshot/nowhere/qemu-a-killed +- +[0-9]+ s  BREACH: phase$'
    assert_line --regexp '^snapshot/pausing/libvirtd-a-killed +running/none +[0-9]+ s  ok$'
    assert_line "2 cases: 1 ok, 0 libvirt's own, 1 breached"
}

@test "a second campaign in the same build directory is refused" {
    local build="$BATS_TEST_TMPDIR/build"
    mkdir "$build"
    exec 7> "$build/faults.lock"
    flock 7
    LDF_BUILD=$build run -1 "$ROOT/lab.d/faults" snapshot/saved/qemu-a-killed 3>&- 7>&-
    assert_output --partial "another campaign runs in $build"
    exec 7>&-
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
