#!/usr/bin/env bats
# Snapshots of disks on storage into which not everybody may look.

bats_require_minimum_version 1.5.0
load lab
load snapshot

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() {
    lab_teardown
    sed -i '/^nbd_tls/d' "$LDF_LAB/a/etc/qemu.conf"
    ! on a mountpoint -q /mnt || on a umount --lazy /mnt
    on a sh -c '! test -e /run/nbdkit.pid || kill "$(cat /run/nbdkit.pid)"'
    lab stop a
    lab start a
}

# tags_in FILE: the snapshots of an image on a, as who may look into it sees them.
tags_in() {
    on a qemu-img info -U --output=json "$1" > "$BATS_TEST_TMPDIR/info"
    jq -r '.snapshots // [] | .[].name' "$BATS_TEST_TMPDIR/info" | xargs
}

# assert_used FILE: a snapshot of the running guest is taken, reverted to and deleted,
# in the image that lies in FILE.
assert_used() {
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1
    assert_equal "$(tags_in "$1")" s1
    QEMU=$(qemu_pid a)
    on a virsh -q snapshot-revert demo s1
    [ "$(qemu_pid a)" != "$QEMU" ]
    on a virsh -q snapshot-delete demo s1
    assert_equal "$(state_of a), snapshots $(snapshots a), $(tags_in "$1")" "paused, snapshots , "
}

# --- NFS that squashes root ---------------------------------------------------

as_nobody() { on a setpriv --reuid nobody --regid nogroup --clear-groups "$@"; }

# squash_root: /mnt is for nobody alone from now on.
squash_root() {
    cc -D_GNU_SOURCE -shared -fPIC -o "$BATS_TEST_TMPDIR/statfs.so" "$ROOT/lab.d/squashed/statfs.c"
    restart_libvirtd_with LD_PRELOAD="$BATS_TEST_TMPDIR/statfs.so"
    on a install -d -o nobody -g nogroup /run/behind
    on a "$ROOT/lab.d/squashed/mount" /run/behind /mnt
    as_nobody qemu-img create -q -f qcow2 /mnt/b.qcow2 8M
    as_nobody qemu-img create -q -f qcow2 /mnt/c.qcow2 8M
    run ! on a cat /mnt/b.qcow2
}

# define_squashed DISK...: QEMU runs as nobody.
define_squashed() {
    "$ROOT/lab.d/guest-xml" demo "$@" |
        sed "s,</devices>,&<seclabel type='static' model='dac' relabel='no'><label>nobody:nogroup</label></seclabel>," \
            > "$BATS_TEST_TMPDIR/demo.xml"
    on a chmod 777 /var/log/libvirt
    on a virsh -q define "$BATS_TEST_TMPDIR/demo.xml" > /dev/null
}

@test "a disk on NFS that squashes root is taken, reverted to and deleted, beside one that is left out" {
    squash_root
    define_squashed vdb=qcow2:/mnt/b.qcow2 vdc=qcow2:/mnt/c.qcow2,snapshot=false
    assert_used /run/behind/upper/b.qcow2
}

@test "a disk on NFS that squashes root is taken, reverted to and deleted without flags" {
    squash_root
    define_squashed vdb=qcow2:/mnt/b.qcow2
    assert_used /run/behind/upper/b.qcow2
}

@test "an image that is gone from NFS that squashes root is missed while the guest runs" {
    squash_root
    define_squashed vdb=qcow2:/mnt/b.qcow2 vdc=qcow2:/mnt/c.qcow2,snapshot=false
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1
    QEMU=$(qemu_pid a)
    as_nobody rm /mnt/c.qcow2
    run -1 on a virsh -q snapshot-revert demo s1
    assert_output --partial "disk 'vdc'"
    assert_equal "$(qemu_pid a), $(state_of a)" "$QEMU, paused"
}

# --- NBD with TLS ------------------------------------------------------------

# serve_by_tls: b.qcow2 on 127.0.0.1, for whoever trusts its certificate.
serve_by_tls() {
    local pki="$BATS_TEST_TMPDIR/pki"
    mkdir -p "$pki"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 \
        -addext subjectAltName=IP:127.0.0.1 -keyout "$pki/server-key.pem" \
        -out "$pki/server-cert.pem" 2> /dev/null
    cp "$pki/server-cert.pem" "$pki/ca-cert.pem"
    echo "nbd_tls_x509_cert_dir = \"$pki\"" >> "$LDF_LAB/a/etc/qemu.conf"
    lab stop a
    lab start a
    on a qemu-img create -q -f qcow2 /run/b.qcow2 8M
    # The export grows no more when snapshots want room.
    on a truncate -s 64M /run/b.qcow2
    on a nbdkit --pidfile /run/nbdkit.pid --ipaddr 127.0.0.1 --port 10810 \
        --tls=require --tls-certificates="$pki" --exportname b file /run/b.qcow2
}

# define_by_tls DISK...: beside vdb, which is that qcow2 image.
define_by_tls() {
    "$ROOT/lab.d/guest-xml" demo vdb=nbd:b "$@" |
        sed "0,/type='raw'/s//type='qcow2'/;s/protocol='nbd'/& tls='yes'/;s/'192.0.2.1' port='10809'/'127.0.0.1' port='10810'/" \
            > "$BATS_TEST_TMPDIR/demo.xml"
    on a virsh -q define --validate "$BATS_TEST_TMPDIR/demo.xml" > /dev/null
}

@test "a qcow2 disk on NBD with TLS is taken, reverted to and deleted, beside one that is left out" {
    serve_by_tls
    make_images a vdc=raw:c.raw
    define_by_tls vdc=raw:c.raw,snapshot=false
    assert_used /run/b.qcow2
}

@test "a qcow2 disk on NBD with TLS is taken, reverted to and deleted without flags" {
    serve_by_tls
    define_by_tls
    assert_used /run/b.qcow2
}

@test "a server with TLS that is gone is missed while the guest runs" {
    serve_by_tls
    make_images a vdc=qcow2:c.qcow2
    define_by_tls vdc=qcow2:c.qcow2
    on a virsh -q start demo --paused
    on a virsh -q snapshot-create-as demo s1 --diskspec vdb,snapshot=no
    QEMU=$(qemu_pid a)
    on a sh -c 'kill -KILL "$(cat /run/nbdkit.pid)"; rm /run/nbdkit.pid'
    run -1 on a virsh -q snapshot-revert demo s1
    assert_output --partial "disk 'vdb'"
    assert_equal "$(qemu_pid a), $(state_of a)" "$QEMU, paused"
}
