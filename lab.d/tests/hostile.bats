#!/usr/bin/env bats
# Documents that want to break something, names that need escapes, and guests
# with many disks.
# bats file_tags=any-qemu

bats_require_minimum_version 1.5.0
load lab

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() {
    lab_setup
    export LD_LIBRARY_PATH=$LDF_BUILD_PATCHED/src/disk_set
}
teardown() { lab_teardown; }

# state HOST: all that must not change, and the process that must not end.
state() {
    on "$1" cat /run/libvirtd.pid
    on "$1" virsh dumpxml demo --inactive
    on "$1" virsh dumpxml demo
}

@test "flags of megabytes, nested without end or in entities are refused in few words" {
    define_guest a vdb=raw:b.raw,migrate=false
    on a virsh -q start demo --paused
    state a > "$BATS_TEST_TMPDIR/before"
    cat > "$BATS_TEST_TMPDIR/refused.py" <<'PYTHON'
import sys

import libvirt

MEGABYTES = 3 * 1024 * 1024
ENTITIES = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">\n' for i in range(1, 10))
DOCTYPE = f"""<!DOCTYPE x [<!ENTITY e0 "true">\n{ENTITIES}
<!ENTITY flag "<migrate>true</migrate>"><!ENTITY file SYSTEM "file:///etc/passwd">]>\n"""

# What each has of <flags>, and what the error says of it.
DOCUMENTS = {
    f"<flags><migrate>{'x' * MEGABYTES}</migrate></flags>": "invalid value 'xxx",
    f"<flags><migrate>{' ' * MEGABYTES}no</migrate></flags>": "invalid value 'no'",
    f"<flags><migrate><{'x' * 40000}/></migrate></flags>": "invalid value 'xxx",
    "<flags/>\n" * 100000: "element <flags> of disk 'vdb' is given more than once",
    f"<flags>{'<snapshot/>' * 100000}</flags>": "element <snapshot> of disk 'vdb' is given more than once",
    "<flags><migrate>%s%n%s%n</migrate></flags>": "invalid value '%s%n%s%n'",
    "<flags>" + "<a>\n" * 1000 + "</a>" * 1000 + "</flags>": "Excessive depth",
    "<flags><migrate>&e9;</migrate></flags>": "entity",
    "<flags><migrate>&file;</migrate></flags>": "entity 'file' in element <migrate> of disk 'vdb'",
    "<flags>&flag;</flags>": "entity 'flag' in element <flags> of disk 'vdb'",
    "<flags><migrate>&#0;</migrate></flags>": "invalid xmlChar value 0",
}

libvirt.registerErrorHandler(lambda context, error: None, None)
domain = libvirt.open().lookupByName("demo")
definition = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
disk = open(sys.argv[1]).read()
FLAGS = "<flags>\n        <migrate>false</migrate>\n      </flags>"
assert FLAGS in definition

CALLS = {
    "define": lambda flags: domain.connect().defineXML(DOCTYPE + definition.replace(FLAGS, flags + "\n")),
    "live": lambda flags: domain.updateDeviceFlags(
        DOCTYPE + disk.replace("</disk>", flags + "\n</disk>"), libvirt.VIR_DOMAIN_AFFECT_LIVE),
    "config": lambda flags: domain.updateDeviceFlags(
        DOCTYPE + disk.replace("</disk>", flags + "\n</disk>"), libvirt.VIR_DOMAIN_AFFECT_CONFIG),
}
refused = 0
for flags, reason in DOCUMENTS.items():
    for name, call in CALLS.items():
        try:
            call(flags)
        except libvirt.libvirtError as error:
            if reason not in str(error) or len(str(error)) > 1000:
                sys.exit(f"{name} of {flags[:60]}: {len(str(error))} characters: {str(error)[:1000]}")
            refused += 1
        else:
            sys.exit(f"{name} of {flags[:60]} was not refused")
print(refused)
PYTHON
    disk_xml vdb=raw:b.raw > "$BATS_TEST_TMPDIR/disk.xml"
    run -0 on a /usr/bin/python3 "$BATS_TEST_TMPDIR/refused.py" "$BATS_TEST_TMPDIR/disk.xml"
    assert_output 33
    state a > "$BATS_TEST_TMPDIR/after"
    run -0 diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

@test "bytes that are not XML are refused" {
    local bytes
    define_guest a vdb=raw:b.raw,migrate=false
    state a > "$BATS_TEST_TMPDIR/before"
    # A lone byte of UTF-8, one too long, half of a UTF-16 pair, the end of a C string.
    for bytes in '\xff\xfe' '\xc0\xaf' '\xed\xa0\x80' '\x00true'; do
        sed "s,<migrate>false,<migrate>tr${bytes}ue," "$BATS_TEST_TMPDIR/demo.xml" > "$BATS_TEST_TMPDIR/bytes.xml"
        assert [ "$(wc -c < "$BATS_TEST_TMPDIR/bytes.xml")" -gt "$(wc -c < "$BATS_TEST_TMPDIR/demo.xml")" ]
        run -1 on a virsh define "$BATS_TEST_TMPDIR/bytes.xml"
        assert_output --partial "error:"
    done
    state a > "$BATS_TEST_TMPDIR/after"
    run -0 diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

# sources HOST [--inactive]: the file of each disk of the guest.
sources() {
    on "$1" virsh dumpxml demo "${@:2}" | python3 -c '
import sys
import xml.etree.ElementTree as ET
for disk in ET.parse(sys.stdin).iter("disk"):
    print(disk.find("source").get("file"))'
}

@test "a source that needs escapes keeps its name and its flags wherever they go" {
    local name=$'b<&>\'"%s%n\xc3\xa9 ,=\\.raw' escaped path host
    path=/var/lib/libvirt/images/$name
    escaped="b&lt;&amp;&gt;&apos;&quot;%s%n&#233; ,=\\\\.raw"
    for host in a b; do
        truncate -s 8M "$(image "$host" "$name")" "$(image "$host" c.raw)"
    done
    "$ROOT/lab.d/guest-xml" demo vdb=raw:NAME,migrate=false vdc=raw:c.raw |
        python3 -c 'import sys; sys.stdout.write(sys.stdin.read().replace("NAME", sys.argv[1]))' "${escaped//\\\\/\\}" \
            > "$BATS_TEST_TMPDIR/demo.xml"
    run -0 on a virsh -q define --validate "$BATS_TEST_TMPDIR/demo.xml"
    assert_equal "$(sources a | head -n 1)" "$path"
    start_guest a

    # The name is a word of the verb's and of the library's, and a value in JSON.
    run -0 on a virsh -q domblkflags demo "$path" --snapshot false
    assert_equal "$(on a "$ROOT/lab.d/disk-set" demo add "$path" config)" 0
    assert_equal "$(flags_of a vdb) / $(flags_of a vdb --inactive)" "migrate=false snapshot=false / migrate=true"
    run -0 on a virsh -q domblkflags demo --json
    assert_equal "$(jq -r '.[0].source' <<< "$output")" "$path"
    run ! on a virsh -q domblkflags demo "$path'" --snapshot false
    assert_output --partial "no disk has the target or the source '$path''"

    lab restart a > /dev/null
    assert_equal "$(sources a | head -n 1) $(flags_of a vdb)" "$path migrate=false snapshot=false"

    mark
    run -0 migrate a b managed --copy-storage-all --unsafe
    assert_copied a b vdc
    assert_guest_went_on a b
    assert_equal "$(sources b | head -n 1) $(flags_of b vdb)" "$path migrate=false snapshot=false"
}

# scsi_disk SERIAL VENDOR PRODUCT: XML of a disk that tells the guest these.
scsi_disk() {
    cat <<XML
<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/>
<source file='/var/lib/libvirt/images/b.raw'/><target dev='sda' bus='scsi'/>
<serial>$1</serial><vendor>$2</vendor><product>$3</product>
<flags><migrate>false</migrate></flags></disk>
XML
}

# what_the_guest_is_told [--inactive]: of its SCSI disk.
what_the_guest_is_told() {
    on a virsh dumpxml demo "$@" | python3 -c '
import sys
import xml.etree.ElementTree as ET
disk = ET.parse(sys.stdin).find(".//disk")
print(*(disk.find(name).text for name in ("serial", "vendor", "product")), sep="/")'
}

@test "a serial, vendor and product that need escapes stay what they are when flags are set" {
    local told=$' a+b.c_-d /<&\'">%s/\\e&amp;%n;,=' disk
    disk=$(scsi_disk ' a+b.c_-d ' "&lt;&amp;'&quot;>%s" '\e&amp;amp;%n;,=')
    truncate -s 8M "$(image a b.raw)"
    "$ROOT/lab.d/guest-xml" demo vdb=raw:b.raw | python3 -c '
import sys
head, _, rest = sys.stdin.read().partition("<disk ")
print(head, "<controller type=\"scsi\" index=\"0\" model=\"virtio-scsi\"/>", sys.argv[1],
      rest.partition("</disk>")[2])' "$disk" > "$BATS_TEST_TMPDIR/demo.xml"
    run -0 on a virsh -q define --validate "$BATS_TEST_TMPDIR/demo.xml"
    run -0 on a virsh -q start demo --paused
    assert_equal "$(what_the_guest_is_told)" "$told"

    run -0 on a virsh -q domblkflags demo sda --snapshot false --live --config
    assert_equal "$(on a "$ROOT/lab.d/disk-set" demo add sda)" 0
    lab restart a > /dev/null
    assert_equal "$(what_the_guest_is_told) $(flags_of a sda)" "$told migrate=true snapshot=false"
    assert_equal "$(what_the_guest_is_told --inactive) $(flags_of a sda --inactive)" \
        "$told migrate=false snapshot=false"

    # libvirt refuses some serials, and then the flags beside them.
    state a > "$BATS_TEST_TMPDIR/before"
    scsi_disk 'a&lt;b' v p > "$BATS_TEST_TMPDIR/disk.xml"
    run ! on a virsh update-device demo "$BATS_TEST_TMPDIR/disk.xml" --live
    assert_output --partial "unsafe characters"
    sed 's,<serial>[^<]*,<serial>a\&amp;b,; s,<migrate>false,<migrate>true,' \
        "$BATS_TEST_TMPDIR/demo.xml" > "$BATS_TEST_TMPDIR/serial.xml"
    run ! on a virsh define "$BATS_TEST_TMPDIR/serial.xml"
    assert_output --partial "unsafe characters"
    state a > "$BATS_TEST_TMPDIR/after"
    run -0 diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

# guest_with_disks COUNT: the XML of the guest with so many SCSI disks; a third has
# migrate=true, a third migrate=false.
guest_with_disks() {
    "$ROOT/lab.d/guest-xml" demo vdb=raw:b.raw | python3 -c '
import sys

FLAGS = ["", "<flags><migrate>true</migrate></flags>", "<flags><migrate>false</migrate></flags>"]


def name(i):
    return (name(i // 26 - 1) if i >= 26 else "sd") + chr(97 + i % 26)


disks = ["""<disk type="file" device="disk"><driver name="qemu" type="raw" cache="none"/>
<source file="/var/lib/libvirt/images/%d.raw"/><target dev="%s" bus="scsi"/>%s
<address type="drive" controller="0" bus="0" target="%d" unit="%d"/></disk>"""
         % (i, name(i), FLAGS[i % 3], i // 100, i % 100) for i in range(int(sys.argv[1]))]
head, _, rest = sys.stdin.read().partition("<disk ")
print(head, *disks, "<controller type=\"scsi\" index=\"0\" model=\"virtio-scsi\"/>",
      rest.partition("</disk>")[2])' "$1"
}

# counts: how many disks the guest has, are copied, and have each flag.
counts() {
    on a virsh -q domblkflags demo --json |
        jq -c '[length, ([.[].migrate.selected | select(.)] | length), (group_by(.migrate.flag) | map(length))]'
}

# looks COMMAND...: how often it reads the definition, and how often it changes
# a disk.
looks() {
    on a env LIBVIRT_LOG_FILTERS="1:libvirt" LIBVIRT_LOG_OUTPUTS="1:file:$BATS_TEST_TMPDIR/calls" "$@" > /dev/null
    echo "$(grep -c 'virDomainGetXMLDesc:' "$BATS_TEST_TMPDIR/calls")" \
        "$(grep -c 'virDomainUpdateDeviceFlags:' "$BATS_TEST_TMPDIR/calls")"
    rm "$BATS_TEST_TMPDIR/calls"
}

# assert_looks_updating NUMBER COMMAND...: the command changes that many disks, and
# looks at the definition again when a tenth of a second has passed.
assert_looks_updating() {
    local number=$1 start=${EPOCHREALTIME/./} looked updated
    shift
    read -r looked updated < <(looks "$@")
    assert_equal "$updated updates" "$number updates"
    [ "$looked" -le $((4 + (${EPOCHREALTIME/./} - start) / 100000)) ] || fail "looked $looked times"
}

@test "a guest with a thousand disks has a thousand disks' flags" {
    guest_with_disks 1000 > "$BATS_TEST_TMPDIR/demo.xml"
    run -0 on a virsh -q define "$BATS_TEST_TMPDIR/demo.xml"
    # No flag, false and true, as JSON sorts them.
    assert_equal "$(counts)" "[1000,667,[334,333,333]]"
    # Two without a flag, one with false, and two that have it.
    assert_looks_updating 3 virsh domblkflags demo sda sdb sdc sdz sdall --migrate true --config
    assert_equal "$(counts)" "[1000,668,[332,332,336]]"
    assert_equal "$(flags_of a sdall) $(flags_of a sdalk)" "migrate=true migrate=false"
    assert_equal "$(on a "$ROOT/lab.d/disk-set" demo size config)" 336
}

@test "all disks of a running guest with two hundred are set at once" {
    guest_with_disks 200 > "$BATS_TEST_TMPDIR/demo.xml"
    seq -f "$LDF_LAB/a/lib/images/%.0f.raw" 0 199 | xargs truncate -s 1M
    on a virsh -q define "$BATS_TEST_TMPDIR/demo.xml"
    on a virsh -q start demo --paused
    mark
    # A third have it already.
    assert_looks_updating 134 virsh domblkflags demo --all --migrate false
    assert_equal "$(counts)" "[200,0,[200]]"
    assert_looks_updating 200 "$ROOT/lab.d/disk-set" demo add-all
    assert_equal "$(counts)" "[200,200,[200]]"
    assert_equal "$(qmp_names a)" ""
}
