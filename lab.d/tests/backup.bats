#!/usr/bin/env bats
# Backups and checkpoints take the disks that their flags say.

bats_require_minimum_version 1.5.0
load lab
load snapshot

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() { lab_teardown; }

# A guest with a disk without flags and one each that says no and yes.
guest_to_back_up() {
    define_guest a vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2,backup=false vdd=qcow2:d.qcow2,backup=true
    start_guest a 2
    mark
}

# xml NAME TEXT: a file for virsh; says its name.
xml() {
    echo "$2" > "$BATS_TEST_TMPDIR/$1.xml"
    echo "$BATS_TEST_TMPDIR/$1.xml"
}

# begin_backup [BACKUP-XML [CHECKPOINT-XML]]
begin_backup() {
    local words=(backup-begin demo)
    [ -z "${1-}" ] || words+=(--backupxml "$(xml backup "$1")")
    [ -z "${2-}" ] || words+=(--checkpointxml "$(xml checkpoint "$2")")
    on a virsh -q "${words[@]}"
}

is_job_over() { on a virsh -q domjobinfo demo | grep -q '^Job type: *None'; }

# end_backup: a push backup ends by itself.
end_backup() { wait_until 30 is_job_over; }

# actions TYPE: the targets of the disks that QEMU was told to do that with.
actions() {
    local target
    for target in vdb vdc vdd; do
        qmp a transaction | jq -r --arg type "$1" --arg node "$(node a "$target")" \
            '.arguments.actions[] | select(.type == $type and ((.data.device // .data.node) == $node)) | "'"$target"'"'
    done | sort -u | xargs
}

backed_up() { actions blockdev-backup; }

bitmaps_of() {
    qemu-img info -U --output=json "$(image a "$1")" |
        jq -r '."format-specific".data.bitmaps // [] | map(.name) | join(" ")'
}

# backups_of TARGET: names of the images that were written of it, by libvirt's naming.
backups_of() { find "$LDF_LAB/a/lib/images" -name "$1.*" ! -name "$1.qcow2" -printf '%f\n'; }

# assert_backup_holds IMAGE NUMBER: its stamps reach at least that far.
assert_backup_holds() {
    local raw=$BATS_TEST_TMPDIR/raw
    qemu-img convert -U -O raw "$(image a "$1")" "$raw"
    [ "$("$ROOT/lab.d/stamps" "$raw" | awk 'END { print $3 }')" -ge "$2" ] ||
        fail "$1 ends with: $("$ROOT/lab.d/stamps" "$raw" | tail -n 1)"
}

@test "a full backup without XML takes the disks whose flag does not say no" {
    local number
    guest_to_back_up
    number=$(guest_number a)
    begin_backup
    end_backup
    assert_equal "$(backed_up)" "vdb vdd"
    assert_equal "$(backups_of c)" ""
    assert_backup_holds "$(backups_of b)" "$number"
    assert_backup_holds "$(backups_of d)" "$number"
    assert_guest_went_on a a
}

@test "a disk that the XML of a backup does not mention is taken if its flag says yes" {
    guest_to_back_up
    begin_backup "<domainbackup><disks><disk name='vdb'/></disks></domainbackup>"
    end_backup
    assert_equal "$(backed_up)" "vdb vdd"
}

@test "what the XML of a backup says of a disk goes before its flag" {
    guest_to_back_up
    begin_backup "<domainbackup><disks><disk name='vdc'/><disk name='vdd' backup='no'/></disks></domainbackup>"
    end_backup
    assert_equal "$(backed_up)" vdc
}

@test "a backup takes what domblkflags said that it would" {
    local planned
    guest_to_back_up
    on a virsh -q domblkflags demo vdb --backup false --live
    on a virsh -q domblkflags demo vdc --backup default --live
    planned=$(on a virsh -q domblkflags demo --json | jq -r '.[] | select(.backup.selected) | .target' | xargs)
    assert_equal "$planned" "vdc vdd"
    mark
    begin_backup
    end_backup
    assert_equal "$(backed_up)" "$planned"
}

@test "a checkpoint has bitmaps in the disks whose flag does not say no" {
    guest_to_back_up
    on a virsh -q checkpoint-create-as demo c1 > /dev/null
    assert_equal "$(actions block-dirty-bitmap-add)" "vdb vdd"
    on a virsh -q destroy demo
    assert_equal "b:$(bitmaps_of b.qcow2) c:$(bitmaps_of c.qcow2) d:$(bitmaps_of d.qcow2)" "b:c1 c: d:c1"
}

@test "an incremental backup takes the same disks, from their bitmaps" {
    local number
    guest_to_back_up
    begin_backup "<domainbackup/>" "<domaincheckpoint><name>c1</name></domaincheckpoint>"
    end_backup
    wait_for_number a $(($(guest_number a) + 1))
    number=$(guest_number a)
    mark
    begin_backup "<domainbackup><incremental>c1</incremental></domainbackup>" \
        "<domaincheckpoint><name>c2</name></domaincheckpoint>"
    end_backup
    assert_equal "$(backed_up)" "vdb vdd"
    assert_equal "$(qmp a transaction | jq -r '.arguments.actions[] | select(.type == "blockdev-backup") | .data.sync' | sort -u)" incremental
    assert_equal "$(actions block-dirty-bitmap-add)" "vdb vdd"
    assert_guest_went_on a a
    assert [ "$number" -gt 2 ]
}

@test "a disk that joins later needs a full backup of its own, which the error says" {
    guest_to_back_up
    begin_backup "<domainbackup/>" "<domaincheckpoint><name>c1</name></domaincheckpoint>"
    end_backup
    on a virsh -q domblkflags demo vdc --backup true --live --config
    run -1 begin_backup "<domainbackup><incremental>c1</incremental></domainbackup>"
    assert_output --partial "disk 'vdc'"
    mark
    begin_backup "<domainbackup><incremental>c1</incremental><disks><disk name='vdb'/><disk name='vdc' backupmode='full'/></disks></domainbackup>"
    end_backup
    assert_equal "$(backed_up)" "vdb vdc vdd"
}

@test "a disk that leaves is in no later backup, and its bitmap does no harm" {
    guest_to_back_up
    begin_backup "<domainbackup/>" "<domaincheckpoint><name>c1</name></domaincheckpoint>"
    end_backup
    on a virsh -q domblkflags demo vdb --backup false --live --config
    mark
    begin_backup "<domainbackup><incremental>c1</incremental></domainbackup>" \
        "<domaincheckpoint><name>c2</name></domaincheckpoint>"
    end_backup
    assert_equal "$(backed_up), $(actions block-dirty-bitmap-add)" "vdd, vdd"
    on a virsh -q checkpoint-delete demo c1 > /dev/null
    on a virsh -q checkpoint-delete demo c2 > /dev/null
}

@test "a backup of no disk is refused, and the guest goes on" {
    define_guest a vdb=qcow2:b.qcow2,backup=false vdc=raw:c.raw,backup=false
    start_guest a
    run -1 begin_backup
    assert_output --partial "no disks selected for backup"
    assert_no_job a
    assert_guest_went_on a a
}

@test "a pull backup exports the disks that the flags say" {
    guest_to_back_up
    begin_backup "<domainbackup mode='pull'><server name='localhost' port='10819'/></domainbackup>"
    assert_equal "$(qmp a block-export-add | jq -r .arguments.name | sort | xargs)" "vdb vdd"
    on a virsh -q domjobabort demo
    end_backup
}
