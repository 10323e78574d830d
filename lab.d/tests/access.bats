#!/usr/bin/env bats
# Who may see and set flags: host a asks polkit, host b takes all but what comes
# over a read-only connection.
# bats file_tags=any-qemu

bats_require_minimum_version 1.5.0
load lab

setup_file() {
    lab_setup_file
    start_polkit
    cat >> "$LDF_LAB/a/etc/libvirtd.conf" <<'CONF'
access_drivers = [ "polkit" ]
unix_sock_rw_perms = "0777"
CONF
    lab restart a > /dev/null
}
teardown_file() { lab_teardown_file; }
setup() {
    lab_setup
    export LD_LIBRARY_PATH=$LDF_BUILD_PATCHED/src/disk_set
}
teardown() { lab_teardown; }

# A message bus and a polkit of the host's own: /run and /etc are, and what is
# mounted on /usr/share/polkit-1 is seen by the host alone.
start_polkit() {
    cat > "$BATS_FILE_TMPDIR/bus.conf" <<'CONF'
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
CONF
    # Whose name is not here may do everything.  (polkit never asks about root.)
    cat > "$BATS_FILE_TMPDIR/lab.rules" <<'RULES'
var denied = {
    daemon: ["domain.write"],
    bin: ["domain.save"],
    sys: ["domain.read"]
};
polkit.addRule(function (action, subject) {
    var name = action.id.replace("org.libvirt.api.", "");
    polkit.log("asks " + name);
    if ((denied[subject.user] || []).indexOf(name) < 0)
        return polkit.Result.YES;
    polkit.log("denies " + name);
    return polkit.Result.NO;
});
RULES
    # shellcheck disable=SC2016 # expanded on the host
    on a bash -euc '
        mount -t tmpfs -o mode=755 lab /usr/share/polkit-1
        rm /etc/polkit-1
        mkdir -p /run/dbus /usr/share/polkit-1/{actions,rules.d} /etc/polkit-1/rules.d
        cp "$1/src/access/org.libvirt.api.policy" /usr/share/polkit-1/actions/
        install -m 644 "$2/lab.rules" /etc/polkit-1/rules.d/
        dbus-daemon --config-file="$2/bus.conf" --fork
        setsid --fork /usr/lib/polkit-1/polkitd < /dev/null > /var/log/libvirt/polkitd.log 2>&1 3>&-
    ' bash "$LDF_BUILD_PATCHED" "$BATS_FILE_TMPDIR"
    wait_until 20 grep -q "Acquired the name" "$LDF_LAB/a/log/polkitd.log"
}

# as USER COMMAND...: on host a, by someone who is not root but can read the
# build tree, wherever it is.
as() {
    local user=$1
    shift
    on a setpriv --reuid "$user" --regid nogroup --clear-groups \
        --inh-caps +dac_override --ambient-caps +dac_override "$@"
}

polkit_lines() { wc -l < "$LDF_LAB/a/log/polkitd.log"; }

# polkit_since LINES WORD: what polkit asks or denies after so many lines.
polkit_since() { tail -n "+$(($1 + 1))" "$LDF_LAB/a/log/polkitd.log" | sed -n "s/^$2 //p"; }

# asked COMMAND...: what polkit is asked while nobody runs it, one a line.
asked() {
    local before
    before=$(polkit_lines)
    as nobody "$@" > "$BATS_TEST_TMPDIR/said" 2>&1 || fail "$(cat "$BATS_TEST_TMPDIR/said")"
    polkit_since "$before" asks
}

# assert_asks_the_same COMMAND... -- COMMAND...: for as many permissions, in the
# same order, and for those that PERMISSIONS names at least.
assert_asks_the_same() {
    local one=() permission
    while [ "$1" != -- ]; do
        one+=("$1")
        shift
    done
    shift
    asked "${one[@]}" > "$BATS_TEST_TMPDIR/one"
    asked "$@" > "$BATS_TEST_TMPDIR/other"
    run -0 diff "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/other"
    run -0 cat "$BATS_TEST_TMPDIR/one"
    for permission in $PERMISSIONS; do
        assert_line "$permission"
    done
}

# changed WHAT [FILE]: the XML in FILE, or of vdb, with WHAT changed there; prints
# the name of the file that has it.
changed() {
    local file=$BATS_TEST_TMPDIR/$1.xml
    if [ $# -gt 1 ]; then cat "$2"; else disk_xml vdb=raw:b.raw; fi > "$file"
    case $1 in
    flags) sed -i "/<target dev='vdb'/a <flags><migrate>false</migrate><snapshot>false</snapshot></flags>" "$file" ;;
    serial) sed -i "s,<serial>vdb</serial>,<serial>other</serial>," "$file" ;;
    policy) sed -i "s,<source ,<source startupPolicy='optional' ," "$file" ;;
    esac
    echo "$file"
}

@test "define asks for the same permissions for flags as for another change" {
    define_guest a vdb=raw:b.raw
    on a virsh dumpxml demo > "$BATS_TEST_TMPDIR/demo.xml"
    PERMISSIONS="domain.write domain.save" assert_asks_the_same \
        virsh define "$(changed serial "$BATS_TEST_TMPDIR/demo.xml")" -- \
        virsh define "$(changed flags "$BATS_TEST_TMPDIR/demo.xml")"
    assert_equal "$(flags_of a vdb)" "migrate=false snapshot=false"
}

@test "update-device asks for the same permissions for flags as for another change" {
    define_guest a vdb=raw:b.raw
    on a virsh -q start demo --paused
    PERMISSIONS="domain.write domain.save" assert_asks_the_same \
        virsh update-device demo "$(changed serial)" --config -- \
        virsh update-device demo "$(changed flags)" --config
    PERMISSIONS=domain.write assert_asks_the_same \
        virsh update-device demo "$(changed policy)" --live -- \
        virsh update-device demo "$(changed flags)" --live
    assert_equal "$(flags_of a vdb) $(flags_of a vdb --inactive)" \
        "migrate=false snapshot=false migrate=false snapshot=false"
}

# Moves the guest to b by nobody, who does not wait for it to boot.  How often virsh
# looks how far it has got is chance, so that each permission is told once.
asked_to_migrate() {
    on a virsh -q start demo --paused
    mark
    asked virsh -q migrate demo qemu+tcp://b/system --copy-storage-all --unsafe | sort -u
    on b virsh -q destroy demo
}

@test "a migration asks for the same permissions with flags as without" {
    define_guest a vdb=raw:b.raw vdc=raw:c.raw
    make_images b vdb=raw:b.raw vdc=raw:c.raw
    asked_to_migrate > "$BATS_TEST_TMPDIR/plain"
    assert_copied a b "vdb vdc"
    on a virsh -q domblkflags demo vdb --migrate false
    asked_to_migrate > "$BATS_TEST_TMPDIR/flagged"
    assert_copied a b vdc
    run -0 diff "$BATS_TEST_TMPDIR/plain" "$BATS_TEST_TMPDIR/flagged"
    run -0 cat "$BATS_TEST_TMPDIR/flagged"
    assert_line domain.migrate
}

@test "a snapshot asks for the same permissions with flags as without" {
    define_guest a vdb=qcow2:b.qcow2 vdc=qcow2:c.qcow2
    asked virsh -q snapshot-create-as demo s1 > "$BATS_TEST_TMPDIR/plain"
    on a virsh -q domblkflags demo vdb --snapshot false
    asked virsh -q snapshot-create-as demo s2 > "$BATS_TEST_TMPDIR/flagged"
    assert_equal "$(qcow2_tags a b.qcow2) / $(qcow2_tags a c.qcow2)" "s1 / s1 s2"
    run -0 diff "$BATS_TEST_TMPDIR/plain" "$BATS_TEST_TMPDIR/flagged"
    run -0 cat "$BATS_TEST_TMPDIR/flagged"
    assert_line domain.snapshot
}

# permissions COMMAND...: what it asks for, each once.
permissions() { asked "$@" | sort -u | xargs; }

@test "showing flags asks for no more than showing the XML" {
    local xml
    define_guest a vdb=raw:b.raw,migrate=false
    xml=$(permissions virsh dumpxml demo)
    assert_equal "$xml" "connect.getattr domain.getattr domain.read"
    assert_equal "$(permissions virsh domblkflags demo)" "$xml"
    assert_equal "$(permissions "$ROOT/lab.d/disk-set" demo list)" "$xml"
}

@test "the verb and the library ask for what reading and update-device ask for" {
    local how expected
    define_guest a vdb=raw:b.raw
    on a virsh -q start demo --paused
    for how in live config; do
        expected=$({
            asked virsh dumpxml demo --security-info
            asked virsh update-device demo "$(changed flags)" "--$how"
        } | sort -u | xargs)
        assert_equal "$(permissions virsh domblkflags demo vdb --migrate true "--$how")" "$expected"
        assert_equal "$(permissions "$ROOT/lab.d/disk-set" demo remove vdb "$how")" "$expected"
    done
    assert_equal "$(flags_of a vdb) / $(flags_of a vdb --inactive)" \
        "migrate=false snapshot=false / migrate=false snapshot=false"
}

# denied USER PERMISSION COMMAND...: it fails for want of just that permission.
denied() {
    local before
    before=$(polkit_lines)
    run as "$1" "${@:3}"
    assert_output --partial "access denied"
    assert_equal "$(polkit_since "$before" denies | sort -u)" "$2"
}

@test "whoever may not write a guest cannot set its flags" {
    local how
    define_guest a vdb=raw:b.raw
    on a virsh -q start demo --paused
    on a virsh dumpxml demo --inactive > "$BATS_TEST_TMPDIR/demo.xml"
    denied daemon domain.write virsh define "$(changed flags "$BATS_TEST_TMPDIR/demo.xml")"
    for how in live config; do
        denied daemon domain.write virsh update-device demo "$(changed flags)" "--$how"
        denied daemon domain.write virsh domblkflags demo vdb --migrate false "--$how"
        denied daemon domain.write virsh domblkflags demo --all --migrate false "--$how"
        denied daemon domain.write "$ROOT/lab.d/disk-set" demo remove vdb "$how"
    done
    assert_equal "$(flags_of a vdb) / $(flags_of a vdb --inactive)" " / "
    # That it was the permission that lacked:
    run -0 as nobody virsh -q domblkflags demo vdb --migrate false
    assert_equal "$(flags_of a vdb)" "migrate=false"
}

@test "whoever may not save a guest's configuration sets flags of the running guest only" {
    define_guest a vdb=raw:b.raw
    on a virsh -q start demo --paused
    on a virsh dumpxml demo --inactive > "$BATS_TEST_TMPDIR/demo.xml"
    denied bin domain.save virsh define "$(changed flags "$BATS_TEST_TMPDIR/demo.xml")"
    denied bin domain.save virsh update-device demo "$(changed flags)" --config
    denied bin domain.save virsh update-device demo "$(changed flags)" --live --config
    denied bin domain.save virsh domblkflags demo vdb --migrate false --config
    denied bin domain.save virsh domblkflags demo vdb --migrate false --live --config
    denied bin domain.save "$ROOT/lab.d/disk-set" demo remove vdb config
    assert_equal "$(flags_of a vdb) / $(flags_of a vdb --inactive)" " / "
    run -0 as bin virsh -q domblkflags demo vdb --migrate false --live
    assert_equal "$(flags_of a vdb) / $(flags_of a vdb --inactive)" "migrate=false / "
}

@test "whoever may not read a guest's XML does not see its flags" {
    define_guest a vdb=raw:b.raw,migrate=false
    denied sys domain.read virsh dumpxml demo
    denied sys domain.read virsh domblkflags demo
    denied sys domain.read virsh domblkflags demo --json
    denied sys domain.read "$ROOT/lab.d/disk-set" demo list
}

# forbidden COMMAND...: on b, over a read-only connection.
forbidden() {
    run on b "$@"
    assert_output --regexp "forbidden|read.only"
    refute_output --partial "updated"
}

@test "a read-only connection shows flags" {
    define_guest b vdb=raw:b.raw,migrate=false
    run -0 on b virsh -r dumpxml demo
    assert_output --partial "<migrate>false</migrate>"
    run -0 on b virsh -r -q domblkflags demo --json
    assert_equal "$(jq -r '.[] | select(.target == "vdb") | .migrate.reason' <<< "$output")" flag
    assert_equal "$(on b "$ROOT/lab.d/disk-set" --readonly demo list)" 0
}

@test "a read-only connection sets no flags" {
    local how
    define_guest b vdb=raw:b.raw
    on b virsh -q start demo --paused
    on b virsh dumpxml demo --inactive > "$BATS_TEST_TMPDIR/demo.xml"
    forbidden virsh -r define "$(changed flags "$BATS_TEST_TMPDIR/demo.xml")"
    cat > "$BATS_TEST_TMPDIR/flags.py" <<'PYTHON'
import sys

import libvirt

domain = libvirt.openReadOnly().lookupByName("demo")
domain.updateDeviceFlags(open(sys.argv[1]).read(), int(sys.argv[2]))
PYTHON
    for how in live config; do
        forbidden virsh -r update-device demo "$(changed flags)" "--$how"
        forbidden virsh -r attach-device demo "$(disk_file vdc=raw:c.raw,migrate=false)" "--$how"
        forbidden virsh -r domblkflags demo vdb --migrate false "--$how"
        forbidden virsh -r domblkflags demo --all --snapshot false "--$how"
        forbidden "$ROOT/lab.d/disk-set" --readonly demo remove vdb "$how"
        forbidden "$ROOT/lab.d/disk-set" --readonly demo add-all snapshot "$how"
    done
    forbidden /usr/bin/python3 "$BATS_TEST_TMPDIR/flags.py" "$(changed flags)" 1
    forbidden /usr/bin/python3 "$BATS_TEST_TMPDIR/flags.py" "$(changed flags)" 2
    assert_equal "$(flags_of b vdb) / $(flags_of b vdb --inactive)" " / "
    # The same is taken over another connection.
    run -0 on b virsh -q update-device demo "$(changed flags)" --live
    assert_equal "$(flags_of b vdb)" "migrate=false snapshot=false"
}
