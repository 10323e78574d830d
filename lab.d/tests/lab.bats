#!/usr/bin/env bats
# The lab itself: what it sets up, and that nothing of it stays.
# bats file_tags=any-qemu

bats_require_minimum_version 1.5.0
load lab

setup() {
    LAB_FILE=lab
    export LDF_LAB="$BUILD/lab-tests/lab-$BATS_TEST_NUMBER"
    lab down > /dev/null
}

teardown() {
    if [ -z "${BATS_TEST_COMPLETED-}" ]; then
        lab status
        echo "the lab's files are kept in $LDF_LAB"
    fi
    lab down > /dev/null
    [ -z "${OTHER_LAB-}" ] || LDF_LAB=$OTHER_LAB lab down > /dev/null
}

up() { lab up --no-guest "$@" > /dev/null; }

uuid_of() { on "$1" virsh capabilities | xmllint --xpath 'string(/capabilities/host/uuid)' -; }

status_is() { [ "$(lab status)" = "$1" ]; }

# What anyone on the machine sees of links and mounts.
machine_view() {
    ip -o link show
    cat /proc/self/mounts
}

# The identities of the namespaces of every process, but the machine's own.
namespaces() {
    readlink /proc/[0-9]*/ns/{mnt,net,pid,uts,ipc} 2>/dev/null | sort -u |
        grep -vxF -f <(readlink /proc/self/ns/{mnt,net,pid,uts,ipc})
}

# The namespaces that this lab's hosts are in.
lab_namespaces() {
    local name
    for name in lan a b; do
        readlink "/proc/$(cat "$LDF_LAB/$name/pid")/ns/"{mnt,net,pid,uts,ipc}
    done
}

assert_nothing_left() {
    # Processes that are started for the lab say so until they are in it.
    run bash -c "grep -lzxF 'LDF_LAB_HOLDER=$LDF_LAB' /proc/[0-9]*/environ 2>/dev/null"
    assert_output ""
    # Everything that runs in the lab keeps files of it open or as its root.
    run bash -c "readlink /proc/[0-9]*/fd/* /proc/[0-9]*/cwd 2>/dev/null | grep -F '$LDF_LAB/' | grep -vF '$LDF_LAB/lock'"
    assert_output ""
    run bash -c "grep -lF '$LDF_LAB/' /proc/[0-9]*/mountinfo 2>/dev/null"
    assert_output ""
}

@test "the two hosts have names, addresses and identities of their own and reach each other" {
    up
    assert_equal "$(on a hostname) $(on b hostname)" "a b"
    assert_equal "$(on a virsh -c qemu+tcp://b/system hostname)" b
    assert_equal "$(on b virsh -c qemu+tcp://a/system hostname)" a
    assert_not_equal "$(uuid_of a)" "$(uuid_of b)"
}

@test "both hosts have their own images at the same path, in a pool that is active" {
    up
    on a sh -c 'echo of a > /var/lib/libvirt/images/file'
    on b sh -c 'echo of b > /var/lib/libvirt/images/file'
    assert_equal "$(on a cat /var/lib/libvirt/images/file)" "of a"
    assert_equal "$(on a virsh -q pool-list --autostart | xargs)" "images active yes"
    assert_equal "$(on b virsh -q pool-list --autostart | xargs)" "images active yes"
}

@test "a disk on the NBD server is the same one for both hosts" {
    up
    truncate -s 1M "$LDF_LAB/nbd/disk"
    run -0 on a qemu-io -f raw -c 'write -P 0x5a 4k 4k' nbd://192.0.2.1/disk
    run -0 on b qemu-io -f raw -c 'read -P 0x5a 4k 4k' nbd://192.0.2.1/disk
    refute_output --partial "verification failed"
}

@test "a host that is cut off is not reached, and is again when it is healed" {
    up
    run -0 on a timeout 10 virsh -c qemu+tcp://b/system hostname
    lab cut b
    run -124 on a timeout 1 virsh -c qemu+tcp://b/system hostname
    # Nobody is told: its own link is up, and it talks to itself.
    run -0 on b ip -o link show eth0 up
    assert_output --partial "LOWER_UP"
    run -0 on b virsh -c qemu+tcp://b/system hostname
    lab heal b
    run -0 on a timeout 10 virsh -c qemu+tcp://b/system hostname
    assert_output b
}

@test "nothing of a lab that is up is visible on the machine" {
    local before
    before=$(machine_view)
    up
    assert_equal "$(machine_view)" "$before"
    [ ! -e /run/libvirtd.pid ]
}

@test "down leaves no process, mount, namespace or link" {
    local before inside namespace
    before=$(machine_view)
    up
    inside=$(lab_namespaces)
    define_guest a vdb=raw:b.raw
    on a virsh -q start demo
    lab down
    assert_nothing_left
    assert_equal "$(machine_view)" "$before"
    assert_equal "$(wc -l <<< "$inside")" 15
    run namespaces
    for namespace in $inside; do
        refute_line "$namespace"
    done
}

@test "down of a lab that is down is no error" {
    run -0 lab down
    assert_output "lab: down"
    assert_equal "$(lab status)" "lab: down"
}

@test "down takes away all of an up that was killed, whatever the moment" {
    local delay pid
    for delay in 0.02 0.1 0.2 0.3 0.4 0.5 0.6 0.8 1; do
        lab up > /dev/null 2>&1 3>&- &
        pid=$!
        sleep "$delay"
        kill -KILL "$pid" 2>/dev/null || :
        wait "$pid" || :
        run -0 lab down
        assert_nothing_left
        assert_equal "$(lab status)" "lab: down"
    done
    up
}

@test "labs that are brought up at once have one of them make the guest for all" {
    local pid pids=()
    mkdir "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/sh\necho made >> "%s"\nsleep 0.3\nexec /bin/gzip "$@"\n' "$BATS_TEST_TMPDIR/made" > "$BATS_TEST_TMPDIR/bin/gzip"
    chmod +x "$BATS_TEST_TMPDIR/bin/gzip"
    for _ in 1 2 3 4; do
        PATH=$BATS_TEST_TMPDIR/bin:$PATH "$ROOT/lab.d/guest/build" "$BATS_TEST_TMPDIR/guest" 3>&- &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid" || fail "one of them failed"
    done
    # each initramfs is packed once
    assert_equal "$(xargs < "$BATS_TEST_TMPDIR/made"), $(ls -m "$BATS_TEST_TMPDIR/guest")" \
        "made made, initrd, initrd-agent, vmlinuz"
}

@test "an up that is interrupted takes down what it has made" {
    local delay
    for delay in 0.05 0.1 0.2 0.3; do
        run timeout --signal=INT "$delay" "$ROOT/lab" up
        # 124: up was still at it when the time was over.
        assert_equal "$status" 124
        wait_until 30 status_is "lab: down"
        assert_nothing_left
    done
}

@test "a lab of which a first process was killed is taken down whole" {
    local name
    for name in lan a b; do
        up
        kill -KILL "$(cat "$LDF_LAB/$name/pid")"
        wait_until 10 status_is "lab: half up; end it with: ./lab down"
        lab down
        assert_nothing_left
    done
}

@test "two labs run at once, and the end of one leaves the other alone" {
    local first=$LDF_LAB
    OTHER_LAB=$LDF_LAB-other
    up
    define_guest a vdb=raw:b.raw
    start_guest a
    LDF_LAB=$OTHER_LAB up
    LDF_LAB=$OTHER_LAB define_guest a vdb=raw:b.raw
    LDF_LAB=$OTHER_LAB start_guest a
    assert_not_equal "$(LDF_LAB=$first guest_session a)" "$(LDF_LAB=$OTHER_LAB guest_session a)"
    LDF_LAB=$OTHER_LAB lab down
    assert_guest_went_on a a
    assert_equal "$(state_of a)" running
}

@test "up of a lab that is up is refused and names the remedy" {
    up
    run -1 lab up
    assert_output --partial "is up already; end it with: ./lab down"
    assert_equal "$(on a hostname)" a
}

@test "a command for a lab that is down is refused and names the remedy" {
    run -1 lab a true
    assert_output --partial "start it with: ./lab up"
}

@test "wrong words are refused with what is allowed" {
    run -2 lab up --stock c
    assert_output --partial "no host 'c', only a and b"
    run -2 lab up --stock
    assert_output --partial "--stock needs a host: a or b"
    run -2 lab up --stock b=woody
    assert_output --partial "no Debian 'woody', only trixie, bookworm and sid"
    run -2 lab replace
    assert_output --partial "replace needs a host: a or b"
    run -2 lab sideways
    assert_output --partial "unknown command 'sideways' (see ./lab --help)"
    run -2 lab restart
    assert_output --partial "restart needs a host: a or b"
    run -0 lab --help
    assert_output --partial "usage: ./lab [--system NAME] COMMAND"
}

@test "a command's exit status, directory and terminal input are the caller's" {
    up
    run -7 on a sh -c 'exit 7'
    cd "$BATS_TEST_TMPDIR"
    assert_equal "$(on a pwd)" "$BATS_TEST_TMPDIR"
    assert_equal "$(echo hello | on b cat)" hello
}

libvirtd_of() { on "$1" readlink "/proc/$(on "$1" cat /run/libvirtd.pid)/exe"; }

# release_of HOST: of the Debian that the host's files are of.
release_of() { on "$1" sed -n 's/^VERSION_CODENAME=//p' /usr/lib/os-release; }

@test "a host given with --stock runs Debian's own packages of libvirt and QEMU" {
    up --stock b
    assert_equal "$(libvirtd_of a)" "$(realpath "$LDF_BUILD_PATCHED")/src/libvirtd"
    assert_equal "$(libvirtd_of b)" /usr/sbin/libvirtd
    assert_equal "$(release_of b)" trixie
    run -0 on b virsh version --daemon
    assert_line --partial "libvirt 11.3.0"
    assert_line --partial "QEMU 10.0."
    run -0 lab status
    assert_line --partial "b: 192.0.2.3, stock libvirt (trixie), libvirtd runs"
}

@test "what a stock host writes to its own files is gone with it" {
    up --stock b=bookworm
    assert_equal "$(release_of b)" bookworm
    on b touch /usr/left-behind
    on b test -e /usr/left-behind
    lab down > /dev/null
    up --stock b=bookworm
    run -1 on b test -e /usr/left-behind
}

@test "a command that hangs fails its test, and the tests after it have a new lab of the same hosts" {
    up --stock b=bookworm
    define_guest a vdb=raw:b.raw
    on a virsh -q start demo
    LIMIT=1 run -124 on a sleep 3600
    assert_output "not ended within 1 seconds: lab a sleep 3600"
    BATS_TEST_COMPLETED=1 run -1 lab_teardown
    assert_equal "$(on a virsh -q list --all)" ""
    assert_equal "$(release_of b)" bookworm
    BATS_TEST_COMPLETED=1 run -0 lab_teardown
}

@test "a host is replaced by another one while the first goes on" {
    up
    define_guest a vdb=raw:b.raw
    on a virsh -q start demo
    on b touch /var/lib/libvirt/images/of-the-first
    lab replace b=bookworm > /dev/null
    assert_equal "$(release_of b)" bookworm
    assert_equal "$(ls "$LDF_LAB/b/lib/images")" ""
    assert_equal "$(on a virsh -c qemu+tcp://b/system hostname)" b
    assert_equal "$(on a virsh -q domstate demo)" running
    lab replace b > /dev/null
    assert_equal "$(libvirtd_of b)" "$(realpath "$LDF_BUILD_PATCHED")/src/libvirtd"
    lab down > /dev/null
    assert_nothing_left
}

@test "up defines a guest with four disks for a person to play with" {
    lab up > /dev/null
    assert_equal "$(on a virsh -q domblklist demo | awk '{ print $1 }' | xargs)" "vda vdb vdc vdd"
    assert_equal "$(state_of a)" "shut off"
}

@test "guests run on while libvirtd is restarted or killed" {
    local how
    up
    define_guest a vdb=raw:b.raw
    start_guest a
    for how in "" --kill; do
        # shellcheck disable=SC2086 # no word when empty
        lab restart a $how
        assert_equal "$(state_of a)" running
        assert_guest_went_on a a
    done
    lab stop a
    run -0 lab status
    assert_line --partial "libvirtd does not run; start it with: ./lab start a"
    lab start a
    assert_equal "$(state_of a)" running
}

@test "the guest stamps every disk that it can write, plugged in later too, and says so" {
    local number
    up
    define_guest a vda=nbd:vda,shareable vdb=qcow2:b.qcow2 vdc=raw:c.raw,readonly
    start_guest a
    make_images a vdd=raw:d.raw
    run -0 on a virsh -q attach-device demo "$(disk_file vdd=raw:d.raw)"
    wait_until 20 grep -q "^N .* vda vdb vdd$" "$LDF_LAB/a/log/demo.serial"
    number=$(guest_number a)
    on a virsh -q destroy demo
    assert_equal "$(stamps_of a c.raw)" ""
    run stamps_of a b.qcow2
    assert_output --regexp "^$(guest_session a) 1 $number|$((number + 1)) "
    run "$ROOT/lab.d/stamps" "$LDF_LAB/nbd/vda"
    assert_output --regexp "^$(guest_session a) 1 "
    run stamps_of a d.raw
    refute_output --regexp "^$(guest_session a) 1 "
    assert_output --regexp "^$(guest_session a) [0-9]+ ($number|$((number + 1))) "
}

@test "a stamp that was damaged is told" {
    up
    define_guest a vdb=raw:b.raw
    start_guest a
    on a virsh -q destroy demo
    # The first stamp's number lies in the second slot, after "STAMP ".
    printf 9 | dd of="$(image a b.raw)" bs=1 seek=$((4096 + 6)) conv=notrunc status=none
    run -1 stamps_of a b.raw
    assert_output --partial "wrong checksum in stamp: STAMP 9 "
}
