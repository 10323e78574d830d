#!/usr/bin/env bats
# Live snapshots: the memory is written to a file while the guest goes on.

bats_require_minimum_version 1.5.0
load lab
load snapshot

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() {
    # A test that failed may have left something to wait for.
    [ ! -p "${FIFO-}" ] || timeout 5 cat "$FIFO" > /dev/null || rm -f "$FIFO"
    let_write
    thaw_qemu
    end_virsh
    forget_qemu_conf
    lab_teardown
    forget_small_disk
    on a sh -c '! mountpoint -q /dev/userfaultfd || umount /dev/userfaultfd'
}

memory_file() { echo "$LDF_LAB/a/lib/images/$1"; }

# create NAME OPTION...: a live snapshot.
create() {
    local name=$1
    shift
    on a virsh -q snapshot-create-as demo "$name" --live "$@" > /dev/null
}

# stopped_for HOST: milliseconds between the last STOP and RESUME.
stopped_for() {
    qmp_events "$1" | jq -s '[.[] | select(.event == "STOP" or .event == "RESUME") | .timestamp | .seconds * 1000 + .microseconds / 1000] | .[-1] - .[-2] | floor'
}

# set_qemu_conf LINE...: of a's libvirtd, until forget_qemu_conf.
set_qemu_conf() {
    local line
    cp "$LDF_LAB/a/etc/qemu.conf" "$BATS_TEST_TMPDIR/qemu.conf"
    for line; do
        sed -i "/^${line%% *} /d" "$LDF_LAB/a/etc/qemu.conf"
        echo "$line" >> "$LDF_LAB/a/etc/qemu.conf"
    done
    lab stop a
    lab start a
}

forget_qemu_conf() {
    [ -e "$BATS_TEST_TMPDIR/qemu.conf" ] || return 0
    cp "$BATS_TEST_TMPDIR/qemu.conf" "$LDF_LAB/a/etc/qemu.conf"
    lab stop a
    lab start a
}

qemu_major() { on a qemu-system-x86_64 --version | sed -n 's/.*version \([0-9]*\).*/\1/p'; }

# assert_nothing_left NAME IMAGE...: of a snapshot that failed.
assert_nothing_left() {
    local name=$1 image
    shift
    for image in "$@"; do
        refute_regex " $(qcow2_tags a "$image") " " $name "
    done
    assert_equal "$(find "$LDF_LAB/a/lib/images" -name '*.save' | wc -l)" 0
    assert_equal "$(on a virsh -q snapshot-list demo --name | grep -cx "$name" || :)" 0
    assert_no_job a
    assert_equal "$(capability a background-snapshot)" false
}

# capability HOST NAME: what QEMU says of a migration capability.
capability() {
    on "$1" virsh -q qemu-monitor-command demo '{"execute":"query-migrate-capabilities"}' |
        jq -r --arg name "$2" '.return[] | select(.capability == $name) | .state'
}

@test "the selected disks are taken, the memory goes to a file, and the guest goes on meanwhile" {
    define_guest a vda=raw:a.raw,snapshot=false vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2,snapshot=false vdd=qcow2:d.qcow2
    start_guest a
    mark
    create s1
    assert_equal "$(qmp_names a | grep -E '^(stop|transaction|migrate|cont)$' | xargs)" "stop transaction migrate cont"
    assert_equal "$(qmp a transaction | jq -r '.arguments.actions[] | "\(.type) \(.data.device) \(.data.name)"' | xargs)" \
        "blockdev-snapshot-internal-sync $(node a vdb) s1 blockdev-snapshot-internal-sync $(node a vdd) s1"
    assert_equal "$(tags a b.qcow2 c.qcow2 d.qcow2)" "b.qcow2:s1 c.qcow2: d.qcow2:s1"
    assert_equal "$(disks_of_snapshot a s1)" "vda=no vdb=internal vdc=no vdd=internal memory=external"
    assert_equal "$(on a virsh snapshot-dumpxml demo s1 | xmllint --xpath 'string(/domainsnapshot/memory/@file)' -)" \
        /var/lib/libvirt/images/b.s1.save
    run -0 on a virsh -q save-image-dumpxml /var/lib/libvirt/images/b.s1.save
    assert_output --partial "<name>demo</name>"
    assert_equal "$(state_of a), $(capability a background-snapshot)" "running, false"
    assert_guest_went_on a a
    assert_no_job a
}

@test "it is gone back to, running and shut off, memory and disks of one instant" {
    local before after
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    start_guest a 3
    before=$(guest_number a)
    create s1
    after=$(guest_number a)
    wait_for_number a $((after + 3))
    serial_mark a
    on a virsh -q snapshot-revert demo s1
    assert_running_from a "$before" "$after"
    assert_equal "$(tags a b.qcow2), $(current a)" "b.qcow2:s1, s1"
    on a virsh -q destroy demo > /dev/null
    serial_mark a
    on a virsh -q snapshot-revert demo s1
    assert_running_from a "$before" "$after"
    on a virsh -q snapshot-revert demo s1 --paused
    assert_equal "$(state_of a)" paused
}

@test "deleted while the guest runs or not, it leaves neither tag nor file" {
    define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    start_guest a
    create s1
    create s2
    assert_equal "$(tags a b.qcow2)" "b.qcow2:s1 s2"
    on a virsh -q snapshot-delete demo s2
    assert_equal "$(tags a b.qcow2), $(snapshots a)" "b.qcow2:s1, s1"
    [ ! -e "$(memory_file b.s2.save)" ]
    on a virsh -q destroy demo > /dev/null
    on a virsh -q snapshot-delete demo s1
    assert_equal "$(tags a b.qcow2), $(snapshots a)" "b.qcow2:, "
    [ ! -e "$(memory_file b.s1.save)" ]
}

@test "the file can be named, and none is overwritten" {
    define_guest a vdb=qcow2:b.qcow2
    start_guest a
    create s1 --memspec file=/var/lib/libvirt/images/memory --diskspec vdb,snapshot=internal
    [ -s "$(memory_file memory)" ]
    run -1 create s2 --memspec file=/var/lib/libvirt/images/memory --diskspec vdb,snapshot=internal
    assert_output --partial "file '/var/lib/libvirt/images/memory' for the memory of snapshot 's2' exists already"
    echo mine > "$(memory_file b.s3.save)"
    run -1 create s3
    assert_output --partial "exists already"
    assert_equal "$(cat "$(memory_file b.s3.save)")" mine
    assert_equal "$(tags a b.qcow2), $(state_of a)" "b.qcow2:s1, running"
}

@test "a file that is named without an internal disk makes overlays, as ever" {
    define_guest a vdb=qcow2:b.qcow2
    start_guest a
    create s1 --memspec file=/var/lib/libvirt/images/memory
    assert_equal "$(disks_of_snapshot a s1)" "vdb=external memory=external"
    assert_equal "$(tags a b.qcow2)" "b.qcow2:"
}

@test "a guest that was paused stays paused, and can be gone back to" {
    local number
    define_guest a vdb=qcow2:b.qcow2
    start_guest a 2
    number=$(pause_after a 2)
    create s1
    assert_equal "$(state_of a), $(tags a b.qcow2)" "paused, b.qcow2:s1"
    if [ "$(qemu_major)" -ge 9 ]; then
        on a virsh -q snapshot-create-as demo s2 > /dev/null
        create s3
        assert_equal "$(state_of a), $(tags a b.qcow2)" "paused, b.qcow2:s1 s2 s3"
    else
        # it has given up its images until it goes on
        run -1 on a virsh -q snapshot-create-as demo s2
        run -1 create s3
        assert_equal "$(state_of a), $(tags a b.qcow2)" "paused, b.qcow2:s1"
    fi
    on a virsh -q resume demo > /dev/null
    wait_for_number a $((number + 2))
    serial_mark a
    on a virsh -q snapshot-revert demo s1 --running
    assert_running_from a "$number"
}

@test "what cannot be taken live is refused before the guest is stopped" {
    define_guest a vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2,snapshot=false
    run -1 create s1
    assert_output --partial "live snapshot creation is supported only during full system snapshots"
    start_guest a
    mark
    run -1 create s1 --halt
    assert_output --partial "cannot be taken live and halt the domain"
    run -1 create s1 --disk-only
    run -1 create s1 --diskspec vdb,snapshot=no
    assert_output --partial "nothing selected for snapshot"
    run -1 on a virsh -q snapshot-create-as demo s1 --memspec file=/var/lib/libvirt/images/m --diskspec vdb,snapshot=internal
    assert_output --partial "take the snapshot live (--live)"
    create s1
    mark
    run -1 create s1 --no-metadata --memspec file=/var/lib/libvirt/images/m --diskspec vdb,snapshot=internal
    assert_output --partial "already holds a snapshot 's1'"
    assert_equal "$(qmp_names a | grep -cE '^(stop|transaction|migrate)$' || :)" 0
    assert_equal "$(capability a background-snapshot)" false
}

@test "a QEMU that may not protect its memory is refused while the guest runs, with what to set" {
    # neither the device nor, without the capability, the system call
    on a mount --bind /dev/null /dev/userfaultfd
    cat > "$LDF_LAB/a/lib/images/emulator" <<'EMULATOR'
#!/bin/sh
setpriv --bounding-set -sys_ptrace true 2>/dev/null && exec setpriv --bounding-set -sys_ptrace qemu-system-x86_64 "$@"
exec qemu-system-x86_64 "$@"
EMULATOR
    chmod 755 "$LDF_LAB/a/lib/images/emulator"
    make_images a vdb=qcow2:b.qcow2
    "$ROOT/lab.d/guest-xml" demo vdb=qcow2:b.qcow2 |
        sed 's,<emulator>.*</emulator>,<emulator>/var/lib/libvirt/images/emulator</emulator>,' > "$BATS_TEST_TMPDIR/demo.xml"
    on a virsh -q define "$BATS_TEST_TMPDIR/demo.xml"
    start_guest a
    mark
    run -1 create s1
    assert_output --partial "sysctl vm.unprivileged_userfaultfd=1"
    assert_equal "$(qmp_names a | grep -cE '^(stop|transaction|migrate)$' || :), $(state_of a)" "0, running"
    assert_nothing_left s1 b.qcow2
    on a virsh -q snapshot-create-as demo s1 > /dev/null
}

@test "a qcow2 variable store is taken at the same instant, reverted to and deleted" {
    on a qemu-img convert -O qcow2 /usr/share/OVMF/OVMF_VARS_4M.fd /var/lib/libvirt/images/nvram.qcow2
    NVRAM=qcow2 define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    on a virsh -q start demo
    mark
    create s1
    assert_equal "$(tags a b.qcow2 nvram.qcow2)" "b.qcow2:s1 nvram.qcow2:s1"
    assert_equal "$(qmp a transaction | jq '.arguments.actions | length')" 2
    on a virsh -q snapshot-revert demo s1
    on a virsh -q snapshot-delete demo s1
    assert_equal "$(tags a b.qcow2 nvram.qcow2)" "b.qcow2: nvram.qcow2:"
}

@test "a memory file of another snapshot, a broken one or none is noticed while the guest still runs" {
    define_guest a vdb=qcow2:b.qcow2
    start_guest a
    create s1
    create s2
    mark
    mv "$(memory_file b.s1.save)" "$(memory_file kept)"
    run -1 on a virsh -q snapshot-revert demo s1
    assert_output --partial "its memory cannot be read from '/var/lib/libvirt/images/b.s1.save'"
    cp "$(memory_file b.s2.save)" "$(memory_file b.s1.save)"
    run -1 on a virsh -q snapshot-revert demo s1
    assert_output --partial "does not hold the memory of snapshot 's1'"
    head -c 100 "$(memory_file kept)" > "$(memory_file b.s1.save)"
    run -1 on a virsh -q snapshot-revert demo s1
    assert_output --partial "its memory cannot be read"
    assert_equal "$(qmp_names a | grep -cE '^(stop|quit)$' || :), $(state_of a)" "0, running"
    mv "$(memory_file kept)" "$(memory_file b.s1.save)"
    on a virsh -q snapshot-revert demo s1
    assert_equal "$(state_of a)" running
}

@test "shared memory that the guest has not touched yet does not make it stand still for longer" {
    local milliseconds
    MEMORY=2048 SHARED=yes define_guest a vdb=qcow2:b.qcow2
    start_guest a 2
    mark
    create s1
    milliseconds=$(stopped_for a)
    [ "$milliseconds" -lt 500 ] || fail "the guest stood still for $milliseconds ms"
    on a virsh -q snapshot-revert demo s1
    assert_equal "$(state_of a)" running
}

# huge_pages HOST: bytes of QEMU's memory that are in huge pages, rounded to megabytes.
huge_pages() { on "$1" sed -n 's/^AnonHugePages: *\([0-9]*\)[0-9]\{3\} kB/\1/p' "/proc/$(qemu_pid "$1")/smaps_rollup"; }

@test "huge pages that a live snapshot splits are whole again when the next one stops the guest" {
    local before split
    ! grep -qF '[never]' /sys/kernel/mm/transparent_hugepage/enabled ||
        fail "this machine allows no huge pages: [never] in /sys/kernel/mm/transparent_hugepage/enabled"
    MEMORY=512 FILL=256 define_guest a vdb=qcow2:b.qcow2
    start_guest a
    wait_until 60 grep -q "^SWEEP 1" "$LDF_LAB/a/log/demo.serial"
    before=$(huge_pages a)
    [ "$before" -ge 200 ]
    create s1
    split=$(huge_pages a)
    [ "$split" -lt $((before / 4)) ]
    mark
    hold_in migrate snapshot-create-as demo s2 --live
    [ "$(huge_pages a)" -ge $((before * 3 / 4)) ]
    thaw_qemu
    wait "$(cat "$BATS_TEST_TMPDIR/virsh.pid")"
    assert_equal "$(snapshots a), $(state_of a)" "s1 s2, running"
}

sweeps_are_made() {
    ! grep TORN "$LDF_LAB/a/log/demo.serial" || return 0
    [ "$(tail -n +$(($(cat "$BATS_TEST_TMPDIR/serial-mark") + 1)) "$LDF_LAB/a/log/demo.serial" | grep -c '^SWEEP')" -ge "$1" ]
}

@test "memory that the guest changes all the time, and its disks, are of one instant, twenty times" {
    local round number
    MEMORY=192 CHURN=96 INTERVAL=0 define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false
    start_guest a 2
    for round in {1..20}; do
        serial_mark a
        wait_until 60 sweeps_are_made 1
        number=$(guest_number a)
        mark
        create "s$round"
        wait_for_number a $((number + 3))
        assert_of_one_instant "s$round"
        wait_until 60 sweeps_are_made 3
        refute_output_of_guest TORN
        on a virsh -q snapshot-delete demo "s$round"
    done
}

refute_output_of_guest() {
    run grep -a "$1" "$LDF_LAB/a/log/demo.serial"
    assert_failure
}

# assert_of_one_instant SNAPSHOT: the guest goes on with the number after the last one
# that its disk holds, or had yet to print that.
assert_of_one_instant() {
    local last first
    on a virsh -q snapshot-revert demo "$1" --paused
    last=$(last_stamp a b.qcow2)
    serial_mark a
    on a virsh -q resume demo > /dev/null
    wait_until 20 has_numbers_since_mark a
    first=$(numbers_since_mark a)
    first=${first%% *}
    [ "$first" -eq "$last" ] || [ "$first" -eq $((last + 1)) ] ||
        fail "the disk went back to stamp $last, and the guest goes on with $first"
}

# hold_writing NAME: a live snapshot is under way, the guest goes on, and nobody takes
# its memory from QEMU.
hold_writing() {
    hold_in migrate snapshot-create-as demo "$1" --live
    on a pkill -STOP -x libvirt_iohelpe
    on a kill -CONT "$(qemu_pid a)"
    wait_until 30 is_sent a cont
}

let_write() { on a pkill -CONT -x libvirt_iohelpe || :; }

# assert_ended TEXT: the command in the background has failed with TEXT.
assert_ended() {
    local code=0
    wait "$(cat "$BATS_TEST_TMPDIR/virsh.pid")" || code=$?
    rm "$BATS_TEST_TMPDIR/virsh.pid"
    output=$(cat "$BATS_TEST_TMPDIR/virsh")
    assert_equal "$code" 1
    assert_output --partial "$1"
}

# assert_as_good_as_new NAME: nothing is left of that live snapshot, and another works.
assert_as_good_as_new() {
    assert_nothing_left "$1" b.qcow2
    wait_until 20 guest_is_running
    assert_guest_went_on a a
    create "$1"
    on a virsh -q snapshot-revert demo "$1"
}

guest_is_running() { [ "$(state_of a)" = running ]; }

@test "its progress is told, and it can be ended: no tag, no file, and the guest has gone on" {
    # slow enough to be ended; a QEMU whose file takes nothing does not answer
    set_qemu_conf 'snapshot_image_format = "xz"'
    define_guest a vdb=qcow2:b.qcow2
    start_guest a
    mark
    in_background snapshot-create-as demo s1 --live
    wait_until 30 is_sent a cont
    run -0 on a timeout 60 virsh -q domjobinfo demo
    assert_output --regexp 'Operation: +Snapshot'
    assert_output --regexp 'Memory total: +[1-9]'
    on a timeout 60 virsh -q domjobabort demo
    assert_ended "canceled by client"
    assert_as_good_as_new s1
}

@test "a guest that is suspended while its memory is written stays so, and the snapshot is whole" {
    local code=0
    set_qemu_conf 'snapshot_image_format = "xz"'
    define_guest a vdb=qcow2:b.qcow2
    start_guest a
    mark
    in_background snapshot-create-as demo s1 --live
    wait_until 30 is_sent a cont
    on a timeout 60 virsh -q suspend demo > /dev/null
    wait "$(cat "$BATS_TEST_TMPDIR/virsh.pid")" || code=$?
    assert_equal "$code, $(state_of a)" "0, paused"
    on a virsh -q snapshot-revert demo s1
    assert_equal "$(state_of a)" running
}

@test "a storage that gets full ends it: no tag, no file, and the guest has gone on" {
    define_guest a vdb=qcow2:b.qcow2
    on a mount -t tmpfs -o size=1G tmpfs /mnt
    start_guest a
    hold_in migrate snapshot-create-as demo s1 --live --memspec file=/mnt/memory --diskspec vdb,snapshot=internal
    fill_small_disk
    on a kill -CONT "$(qemu_pid a)"
    assert_ended ""
    on a rm /mnt/filler
    on a test ! -e /mnt/memory
    assert_as_good_as_new s1
}

@test "libvirtd killed while the memory is written: nothing is left and the guest has gone on" {
    define_guest a vdb=qcow2:b.qcow2
    start_guest a
    hold_writing s1
    lab stop a --kill
    let_write
    start_libvirtd
    assert_as_good_as_new s1
}

qemu_waits() { on a sh -c "grep -qs handle_userfault /proc/$(qemu_pid a)/task/*/wchan"; }

@test "libvirtd killed, and then what writes the memory: nothing is left and the guest has gone on" {
    # writing all the time, so that not only the guest waits, but often QEMU with its monitor
    INTERVAL=0 define_guest a vdb=qcow2:b.qcow2
    start_guest a
    hold_in migrate snapshot-create-as demo s1 --live
    lab stop a --kill
    on a pkill -KILL -x libvirt_iohelpe
    on a kill -CONT "$(qemu_pid a)"
    # A newer one takes the protection off itself; an older one may fail before it has any.
    [ "$(qemu_major)" -ge 9 ] || wait_until 5 qemu_waits || :
    start_libvirtd
    assert_as_good_as_new s1
}

# libvirtd_killed_in COMMAND: which QEMU has yet to answer.
libvirtd_killed_in() {
    define_guest a vdb=qcow2:b.qcow2
    start_guest a
    hold_in "$1" snapshot-create-as demo s1 --live
    lab stop a --kill
    on a kill -CONT "$(qemu_pid a)"
    start_libvirtd
    assert_as_good_as_new s1
}

@test "libvirtd killed while the disks are taken: nothing is left and the guest goes on" { libvirtd_killed_in transaction; }

@test "libvirtd killed before the memory is protected: nothing is left and the guest goes on" { libvirtd_killed_in migrate; }

@test "QEMU killed while the memory is written: neither tag nor file is left" {
    define_guest a vdb=qcow2:b.qcow2
    start_guest a
    hold_writing s1
    on a kill -KILL "$(qemu_pid a)"
    let_write
    assert_ended ""
    assert_equal "$(tags a b.qcow2), $(snapshots a), $(state_of a)" "b.qcow2:, , shut off"
    [ ! -e "$(memory_file b.s1.save)" ]
}

@test "libvirtd and QEMU killed while the memory is written: neither tag nor file is left" {
    local qemu
    define_guest a vdb=qcow2:b.qcow2
    start_guest a
    hold_writing s1
    qemu=$(qemu_pid a)
    lab stop a --kill
    on a kill -KILL "$qemu"
    let_write
    lab start a
    wait_until 20 is_shut_off
    assert_equal "$(tags a b.qcow2), $(snapshots a)" "b.qcow2:, "
    [ ! -e "$(memory_file b.s1.save)" ]
}

is_shut_off() { [ "$(state_of a)" = "shut off" ]; }

@test "libvirtd killed before the metadata are written: nothing is left and the guest has gone on" {
    define_guest a vdb=qcow2:b.qcow2
    start_guest a
    create earlier
    FIFO=$LDF_LAB/a/lib/qemu/snapshot/demo/s1.xml.new
    mkfifo "$FIFO"
    mark
    in_background snapshot-create-as demo s1 --live
    wait_until 30 capability_is_given_back
    lab stop a --kill
    rm "$FIFO"
    start_libvirtd
    assert_equal "$(tags a b.qcow2), $(current a)" "b.qcow2:earlier, earlier"
    on a virsh -q snapshot-delete demo earlier
    assert_as_good_as_new s1
}

# what libvirtd does last before it writes the metadata
capability_is_given_back() {
    [[ "$(qmp a migrate-set-capabilities | jq -c '.arguments.capabilities[] | select(.capability == "background-snapshot") | .state' | xargs)" == *"true false" ]]
}

@test "live, ordinary and external snapshots make one tree" {
    define_guest a vdb=qcow2:b.qcow2
    start_guest a
    on a virsh -q snapshot-create-as demo ordinary > /dev/null
    create live
    on a virsh -q snapshot-create-as demo another > /dev/null
    assert_equal "$(on a virsh -q snapshot-list demo --external --name | xargs)" ""
    assert_equal "$(on a virsh -q snapshot-list demo --internal --name | xargs)" "another live ordinary"
    on a virsh -q snapshot-revert demo ordinary
    on a virsh -q snapshot-revert demo live
    on a virsh -q snapshot-revert demo another
    on a virsh -q snapshot-delete demo live --children
    assert_equal "$(tags a b.qcow2), $(snapshots a)" "b.qcow2:ordinary, ordinary"
    assert_equal "$(find "$LDF_LAB/a/lib/images" -name '*.save' | wc -l)" 0
}

@test "a guest with a live snapshot is not migrated, like one with any, and goes on" {
    define_guest a vdb=qcow2:b.qcow2
    start_guest a
    create s1
    mark
    run ! migrate a b p2p --copy-storage-all
    assert_output --partial "cannot migrate domain with 1 snapshots"
    assert_equal "$(qmp_names a | grep -cx migrate || :)" 0
    assert_guest_went_on a a
    on a virsh -q snapshot-delete demo s1
    make_images b vdb=qcow2:b.qcow2
    run -0 migrate a b p2p --copy-storage-all
    assert_guest_went_on a b
}

@test "metadata that were deleted are given again" {
    define_guest a vdb=qcow2:b.qcow2
    start_guest a
    create s1
    on a virsh -q snapshot-dumpxml demo s1 --security-info > "$BATS_TEST_TMPDIR/s1.xml"
    on a virsh -q snapshot-delete demo s1 --metadata
    [ -s "$(memory_file b.s1.save)" ]
    assert_equal "$(tags a b.qcow2)" "b.qcow2:s1"
    on a virsh -q snapshot-create demo "$BATS_TEST_TMPDIR/s1.xml" --redefine --current > /dev/null
    assert_equal "$(disks_of_snapshot a s1)" "vdb=internal memory=external"
    on a virsh -q snapshot-revert demo s1
    on a virsh -q snapshot-delete demo s1
    assert_equal "$(tags a b.qcow2)" "b.qcow2:"
    [ ! -e "$(memory_file b.s1.save)" ]
}
