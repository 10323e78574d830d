#!/usr/bin/env bats
# Flags of a running and a shut-off guest: how people and programs set them,
# where they are carried, and that nothing else changes by them.
# bats file_tags=any-qemu

bats_require_minimum_version 1.5.0
load lab

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() { lab_teardown; }

# scripted_editor SCRIPT: EDITOR is a program that runs the sed script.
scripted_editor() {
    printf '#!/bin/sh\nsed -i -e "%s" "$1"\n' "$1" > "$BATS_TEST_TMPDIR/editor"
    chmod 755 "$BATS_TEST_TMPDIR/editor"
    export EDITOR=$BATS_TEST_TMPDIR/editor
}

edits() {
    scripted_editor "$1"
    on a virsh edit demo < /dev/null
}

# edits_and_gives_up SCRIPT: at a terminal, where virsh tells what is wrong and
# asks what to do.
edits_and_gives_up() {
    scripted_editor "$1"
    timeout 20 python3 - "$ROOT/lab" a virsh edit demo <<'EOF'
import os
import pty
import sys


def answer(fd):
    said = os.read(fd, 4096)
    if b"Try again?" in said:
        os.write(fd, b"n")
    return said


sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:], answer, lambda fd: b"")))
EOF
}

@test "virsh edit sets, changes and takes away flags" {
    define_guest a vdb=raw:b.raw vdc=raw:c.raw
    run -0 edits "/<target dev='vdc'/a <flags><snapshot>false</snapshot><migrate/></flags>"
    assert_output --partial "edited"
    assert_equal "$(flags_of a vdc)" "migrate=true snapshot=false"
    assert_equal "$(flags_of a vdb)" ""
    run -0 edits "s,<migrate>true</migrate>,<migrate>false</migrate>,"
    assert_equal "$(flags_of a vdc)" "migrate=false snapshot=false"
    run -0 edits "/<flags>/,/<.flags>/d"
    assert_equal "$(flags_of a vdc)" ""
}

@test "virsh edit refuses what the schema does not know and changes nothing" {
    local wrong
    define_guest a vdb=raw:b.raw,migrate=false
    for wrong in "<migrate>maybe</migrate>" "<migrate>true</migrate><migrate>true</migrate>" "<copy>true</copy>"; do
        run -1 edits_and_gives_up "s,<migrate>false</migrate>,$wrong,"
        assert_output --partial "XML document failed to validate against schema"
        assert_equal "$(flags_of a vdb)" "migrate=false"
    done
}

@test "define refuses a flag that cannot be obeyed and names disk and remedy" {
    "$ROOT/lab.d/guest-xml" demo vdb=raw:b.raw,readonly,migrate=true > "$BATS_TEST_TMPDIR/demo.xml"
    run -1 on a virsh define "$BATS_TEST_TMPDIR/demo.xml"
    assert_output --partial "flag <migrate> of disk 'vdb'"
    assert_output --partial "set it to 'false' or remove it"
    assert_equal "$(on a virsh -q list --all --name)" ""
}

@test "virt-xml sets and reads flags" {
    define_guest a vdb=raw:b.raw vdc=raw:c.raw
    run -0 on a virt-xml demo --edit target=vdc --disk \
        xpath1.set=./flags/migrate,xpath1.value=false,xpath2.set=./flags/snapshot,xpath2.value=true
    assert_equal "$(flags_of a vdc)" "migrate=false snapshot=true"
    assert_equal "$(flags_of a vdb)" ""
    # What virt-xml does not know itself it keeps.
    run -0 on a virt-xml demo --edit target=vdc --disk serial=other
    assert_equal "$(flags_of a vdc)" "migrate=false snapshot=true"
    run -0 on a virt-xml demo --edit target=vdc --disk xpath1.delete=./flags
    assert_equal "$(flags_of a vdc)" ""
}

@test "the Python binding sets and reads flags" {
    define_guest a vdb=raw:b.raw vdc=raw:c.raw
    start_guest a 1
    cat > "$BATS_TEST_TMPDIR/flags.py" <<'EOF'
import sys
import xml.etree.ElementTree as ET

import libvirt

domain = libvirt.open().lookupByName("demo")


def disk(target):
    tree = ET.fromstring(domain.XMLDesc())
    return next(d for d in tree.iter("disk") if d.find("target").get("dev") == target)


device = disk(sys.argv[1])
flags = ET.SubElement(device, "flags")
ET.SubElement(flags, "migrate").text = sys.argv[2]
domain.updateDeviceFlags(ET.tostring(device).decode(),
                         libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG)
print(disk(sys.argv[1]).findtext("flags/migrate"))
EOF
    run -0 on a /usr/bin/python3 "$BATS_TEST_TMPDIR/flags.py" vdc false
    assert_output false
    assert_equal "$(flags_of a vdc) $(flags_of a vdc --inactive)" "migrate=false migrate=false"
}

@test "update-device sets and clears flags live, in the config or both, without a QMP command" {
    define_guest a vdb=raw:b.raw vdc=qcow2:c.qcow2,migrate=false
    start_guest a 1
    mark
    update_flags a vdb=raw:b.raw,migrate=true --live
    assert_equal "$(flags_of a vdb), $(flags_of a vdb --inactive)" "migrate=true, "
    update_flags a vdb=raw:b.raw,snapshot=false --config
    assert_equal "$(flags_of a vdb), $(flags_of a vdb --inactive)" "migrate=true, snapshot=false"
    update_flags a vdb=raw:b.raw,migrate=false,snapshot=true --live --config
    assert_equal "$(flags_of a vdb)" "migrate=false snapshot=true"
    assert_equal "$(flags_of a vdb --inactive)" "migrate=false snapshot=true"
    update_flags a vdc=qcow2:c.qcow2 --live
    assert_equal "$(flags_of a vdc), $(flags_of a vdc --inactive)" ", migrate=false"
    assert_equal "$(qmp a)" ""
    assert_guest_went_on a a
}

@test "an update of flags together with a change that is refused is refused whole" {
    define_guest a vdb=raw:b.raw,migrate=false
    start_guest a 1
    mark
    disk_xml vdb=raw:b.raw,migrate=true | sed "s/cache='none'/cache='writeback'/" > "$BATS_TEST_TMPDIR/disk.xml"
    run -1 on a virsh update-device demo "$BATS_TEST_TMPDIR/disk.xml" --live
    assert_output --partial "cannot modify field 'cache'"
    assert_equal "$(flags_of a vdb)" "migrate=false"
    assert_equal "$(qmp a)" ""
}

@test "attach-device takes flags and gives the disk nothing else" {
    define_guest a vdb=raw:b.raw
    start_guest a 1
    make_images a vdc=raw:c.raw
    mark
    run -0 on a virsh -q attach-device demo "$(disk_file vdc=raw:c.raw,migrate=false,snapshot=false)" --live --config
    qmp a | jq -c 'del(.id)' | sed 's/libvirt-[0-9]*-/libvirt-N-/g' > "$BATS_TEST_TMPDIR/with"
    assert_equal "$(flags_of a vdc)" "migrate=false snapshot=false"
    assert_equal "$(flags_of a vdc --inactive)" "migrate=false snapshot=false"
    on a virsh -q detach-disk demo vdc --live --config
    wait_until 20 is_detached vdc
    mark
    run -0 on a virsh -q attach-device demo "$(disk_file vdc=raw:c.raw)" --live
    qmp a | jq -c 'del(.id)' | sed 's/libvirt-[0-9]*-/libvirt-N-/g' > "$BATS_TEST_TMPDIR/without"
    assert [ -s "$BATS_TEST_TMPDIR/with" ]
    run -0 diff "$BATS_TEST_TMPDIR/with" "$BATS_TEST_TMPDIR/without"
}

is_detached() { ! on a virsh -q domblklist demo | grep -q "^ *$1 "; }

# The words of the running QEMU's command line, but for the domain's number.
command_line() {
    on a sh -c 'tr "\0" "\n" < /proc/$(cat /run/libvirt/qemu/demo.pid)/cmdline' | sed 's/domain-[0-9]*-demo/domain-N-demo/'
}

@test "flags change nothing in QEMU's command line" {
    define_guest a vda=nbd:vda,shareable vdb=qcow2:b.qcow2 vdc=raw:c.raw hdc=cdrom:
    start_guest a 1
    command_line > "$BATS_TEST_TMPDIR/without"
    on a virsh -q destroy demo
    update_flags a vda=nbd:vda,shareable,migrate=true,snapshot=false --config
    update_flags a vdb=qcow2:b.qcow2,migrate=false,snapshot=true --config
    update_flags a vdc=raw:c.raw,migrate=true,snapshot=false --config
    update_flags a hdc=cdrom:,migrate=false,snapshot=false --config
    on a virsh -q start demo
    command_line > "$BATS_TEST_TMPDIR/with"
    assert_equal "$(flags_of a vdb)" "migrate=false snapshot=true"
    run -0 diff "$BATS_TEST_TMPDIR/with" "$BATS_TEST_TMPDIR/without"
    assert [ "$(wc -l < "$BATS_TEST_TMPDIR/with")" -gt 20 ]
}

@test "a managed save keeps the flags of the running guest" {
    local number session
    define_guest a vdb=raw:b.raw,migrate=false
    start_guest a
    update_flags a vdb=raw:b.raw,migrate=true,snapshot=false --live
    session=$(guest_session a)
    run -0 on a virsh -q managedsave demo
    assert_equal "$(flags_of a vdb)" "migrate=false"
    run -0 on a virsh managedsave-dumpxml demo
    assert_output --partial "<migrate>true</migrate>"
    number=$(guest_number a)
    run -0 on a virsh -q start demo
    wait_for_number a $((number + 1))
    assert_equal "$(guest_session a)" "$session"
    assert_equal "$(flags_of a vdb)" "migrate=true snapshot=false"
}

@test "a save image keeps the flags, and restore takes others" {
    local number session
    define_guest a vdb=raw:b.raw,migrate=false
    start_guest a
    session=$(guest_session a)
    run -0 on a virsh -q save demo /var/lib/libvirt/images/save
    number=$(guest_number a)
    on a virsh save-image-dumpxml /var/lib/libvirt/images/save --security-info > "$BATS_TEST_TMPDIR/save.xml"
    assert_equal "$(xmllint --xpath 'string(//disk/flags/migrate)' "$BATS_TEST_TMPDIR/save.xml")" false
    set_flag "$BATS_TEST_TMPDIR/save.xml" vdb migrate true
    run -0 on a virsh -q restore /var/lib/libvirt/images/save --xml "$BATS_TEST_TMPDIR/save.xml"
    wait_for_number a $((number + 1))
    assert_equal "$(guest_session a)" "$session"
    assert_equal "$(flags_of a vdb)" "migrate=true"
    assert_equal "$(flags_of a vdb --inactive)" "migrate=false"
}

@test "the status XML carries the flags of a running guest across restarts of libvirtd" {
    local how
    define_guest a vdb=raw:b.raw,snapshot=false
    start_guest a 1
    update_flags a vdb=raw:b.raw,migrate=false,snapshot=true --live
    run -0 on a cat /run/libvirt/qemu/demo.xml
    assert_output --regexp "<flags>.<*"
    assert_output --partial "<migrate>false</migrate>"
    for how in "" --kill; do
        # shellcheck disable=SC2086 # no word when empty
        lab restart a $how
        assert_equal "$(flags_of a vdb)" "migrate=false snapshot=true"
        assert_equal "$(flags_of a vdb --inactive)" "snapshot=false"
    done
    assert_guest_went_on a a
}

@test "flags belong to the disk and outlast snapshot, block commit, block copy and media change" {
    define_guest a vdb=qcow2:b.qcow2,migrate=false,snapshot=true hdc=cdrom:,migrate=false
    start_guest a 1
    on a virsh -q snapshot-create-as demo s --disk-only --no-metadata
    assert_equal "$(flags_of a vdb)" "migrate=false snapshot=true"
    run -0 on a virsh -q blockcommit demo vdb --active --pivot --wait
    assert_equal "$(flags_of a vdb)" "migrate=false snapshot=true"
    run -0 on a virsh -q blockcopy demo vdb /var/lib/libvirt/images/copy.qcow2 --pivot --wait --transient-job
    assert_equal "$(flags_of a vdb)" "migrate=false snapshot=true"
    make_images a hdc=raw:media
    run -0 on a virsh -q change-media demo hdc --insert /var/lib/libvirt/images/media
    assert_equal "$(flags_of a hdc)" "migrate=false"
    run -0 on a virsh -q change-media demo hdc --eject
    assert_equal "$(flags_of a hdc)" "migrate=false"
    assert_guest_went_on a a
}
