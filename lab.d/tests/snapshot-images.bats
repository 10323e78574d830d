#!/usr/bin/env bats
# Snapshots of what is not a plain qcow2 disk: encrypted images, and the variable
# store of a guest with UEFI.

bats_require_minimum_version 1.5.0
load lab
load snapshot

SECRET=0a81f5b2-8403-7b23-c8d6-21ccd2f80d6f

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() {
    thaw_libvirtd
    on a virsh -q secret-undefine "$SECRET" > /dev/null 2>&1 || :
    lab_teardown
}

# --- Encrypted images --------------------------------------------------------

set_passphrase() {
    cat > "$BATS_TEST_TMPDIR/secret.xml" <<EOF
<secret ephemeral='no' private='yes'>
  <uuid>$SECRET</uuid>
  <usage type='volume'><volume>/var/lib/libvirt/images/b.qcow2</volume></usage>
</secret>
EOF
    on a virsh -q secret-define "$BATS_TEST_TMPDIR/secret.xml" > /dev/null
    printf 'pass phrase, with a comma' > "$BATS_TEST_TMPDIR/passphrase"
    on a virsh -q secret-set-value "$SECRET" --file "$BATS_TEST_TMPDIR/passphrase" --plain > /dev/null
}

# make_encrypted IMAGE...: of 8 MiB, with that passphrase.
make_encrypted() {
    local image
    for image; do
        # On a busy machine it may find no processor to measure.
        wait_until 60 qemu-img create -q -f qcow2 --object "secret,id=s,file=$BATS_TEST_TMPDIR/passphrase" \
            -o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=100 "$(image a "$image")" 8M
    done
}

encrypted_guest() {
    set_passphrase
    make_encrypted b.qcow2 d.qcow2
    make_images a vdc=raw:c.raw vde=qcow2:e.qcow2
    define_made a "vdb=qcow2:b.qcow2,luks=$SECRET" vdc=raw:c.raw,snapshot=false \
        "vdd=qcow2:d.qcow2,luks=$SECRET,snapshot=false" vde=qcow2:e.qcow2
}

# on_encrypted COMMAND: qemu-io on b.qcow2, which nobody has open.
on_encrypted() {
    on a qemu-io --object "secret,id=s,file=$BATS_TEST_TMPDIR/passphrase" --image-opts -c "$1" \
        driver=qcow2,encrypt.format=luks,encrypt.key-secret=s,file.filename=/var/lib/libvirt/images/b.qcow2
}

@test "an encrypted disk of a running guest is taken, reverted to and deleted, another one is left out" {
    encrypted_guest
    on a virsh -q start demo --paused
    mark
    run -0 on a virsh -q snapshot-create-as demo s1
    # QEMU cannot write memory to an encrypted image.
    assert_equal "$(snapshot_job a snapshot-save)" "$(node a vde): $(node a vdb) $(node a vde)"
    assert_equal "$(tags a b.qcow2 d.qcow2 e.qcow2)" "b.qcow2:s1 d.qcow2: e.qcow2:s1"
    run -0 on a virsh -q snapshot-revert demo s1
    assert_equal "$(state_of a)" paused
    run -0 on a virsh -q snapshot-delete demo s1
    assert_equal "$(tags a b.qcow2 d.qcow2), snapshots $(snapshots a)" "b.qcow2: d.qcow2:, snapshots "
}

@test "where all images are encrypted a running guest's snapshot is refused, and the guest untouched" {
    encrypted_guest
    on a virsh -q start demo --paused
    mark
    run -1 on a virsh -q snapshot-create-as demo s1 --diskspec vde,snapshot=no
    assert_output --partial "'demo'"
    assert_output --partial "encrypted"
    assert_output --partial "--diskspec"
    assert_equal "$(qmp a snapshot-save)" ""
    assert_equal "$(state_of a)" paused
    assert_equal "$(tags a b.qcow2 d.qcow2), snapshots $(snapshots a)" "b.qcow2: d.qcow2:, snapshots "
}

@test "an encrypted disk of a guest that is off is taken, reverted to and deleted with its passphrase" {
    encrypted_guest
    run -0 on_encrypted 'write -P 1 4M 64k'
    run -0 on a virsh -q snapshot-create-as demo s1
    assert_equal "$(tags a b.qcow2 d.qcow2)" "b.qcow2:s1 d.qcow2:"
    run -0 on_encrypted 'write -P 2 4M 64k'
    run -0 on a virsh -q snapshot-revert demo s1
    run -0 on_encrypted 'read -P 1 4M 64k'
    refute_output --partial "verification failed"
    run -0 on a virsh -q snapshot-delete demo s1
    assert_equal "$(tags a b.qcow2 d.qcow2), snapshots $(snapshots a)" "b.qcow2: d.qcow2:, snapshots "
}

@test "a passphrase that libvirt does not know is an error, and no image is touched" {
    encrypted_guest
    on a virsh -q secret-undefine "$SECRET"
    run -1 on a virsh -q snapshot-create-as demo s1
    assert_output --partial "$SECRET"
    assert_equal "$(tags a b.qcow2 d.qcow2), snapshots $(snapshots a)" "b.qcow2: d.qcow2:, snapshots "
}

# --- UEFI --------------------------------------------------------------------

# uefi_guest FORMAT: of its variable store.
uefi_guest() {
    on a qemu-img convert -O "$1" /usr/share/OVMF/OVMF_VARS_4M.fd "/var/lib/libvirt/images/nvram.$1"
    NVRAM=$1 define_guest a vdb=qcow2:b.qcow2 vdc=raw:c.raw,snapshot=false vdd=qcow2:d.qcow2,snapshot=false
    on a virsh -q start demo --paused
    mark
}

@test "a qcow2 variable store is taken with the disks that are, reverted to and deleted" {
    uefi_guest qcow2
    run -0 on a virsh -q snapshot-create-as demo s1
    assert_equal "$(tags a b.qcow2 d.qcow2 nvram.qcow2)" "b.qcow2:s1 d.qcow2: nvram.qcow2:s1"
    run -0 on a virsh -q snapshot-revert demo s1
    assert_equal "$(qmp a snapshot-load | jq '.arguments.devices | length')" 2
    run -0 on a virsh -q snapshot-delete demo s1
    assert_equal "$(tags a b.qcow2 d.qcow2 nvram.qcow2)" "b.qcow2: d.qcow2: nvram.qcow2:"
}

@test "a guest that is off has its variable store taken, too" {
    uefi_guest qcow2
    on a virsh -q destroy demo
    run -0 on a virsh -q snapshot-create-as demo s1
    assert_equal "$(tags a b.qcow2 d.qcow2 nvram.qcow2)" "b.qcow2:s1 d.qcow2: nvram.qcow2:s1"
    run -0 on a virsh -q snapshot-delete demo s1
    assert_equal "$(tags a b.qcow2 d.qcow2 nvram.qcow2)" "b.qcow2: d.qcow2: nvram.qcow2:"
}

@test "a variable store that holds a snapshot of that name is refused before anything is saved" {
    uefi_guest qcow2
    on a virsh -q destroy demo
    on a qemu-img snapshot -c s1 /var/lib/libvirt/images/nvram.qcow2
    on a virsh -q start demo --paused
    mark
    run -1 on a virsh -q snapshot-create-as demo s1
    assert_output --partial "nvram.qcow2"
    assert_equal "$(qmp a snapshot-save)" ""
    assert_equal "$(tags a b.qcow2 nvram.qcow2)" "b.qcow2: nvram.qcow2:s1"
}

@test "libvirtd killed while QEMU saves: the variable store keeps no tag either" {
    uefi_guest qcow2
    hold_in snapshot-save snapshot-create-as demo s1
    lab stop a --kill
    on a kill -CONT "$(qemu_pid a)"
    wait "$(cat "$BATS_TEST_TMPDIR/virsh.pid")" || :
    lab start a
    on a virsh -q qemu-monitor-command demo '{"execute":"query-status"}' > /dev/null
    assert_equal "$(tags a b.qcow2 nvram.qcow2), snapshots $(snapshots a)" "b.qcow2: nvram.qcow2:, snapshots "
    assert_equal "$(state_of a)" paused
}

@test "QEMU killed when it has saved: the variable store keeps no tag either" {
    uefi_guest qcow2
    hold_in snapshot-save snapshot-create-as demo s1
    save_unheard nvram.qcow2
    on a kill -KILL "$(qemu_pid a)"
    thaw_libvirtd
    wait "$(cat "$BATS_TEST_TMPDIR/virsh.pid")" || :
    assert_equal "$(tags a b.qcow2 nvram.qcow2), snapshots $(snapshots a)" "b.qcow2: nvram.qcow2:, snapshots "
    assert_equal "$(state_of a)" "shut off"
}

@test "a raw variable store is refused, and the error says how to make it a qcow2 one" {
    uefi_guest raw
    run -1 on a virsh -q snapshot-create-as demo s1
    assert_output --partial "qemu-img convert -O qcow2"
    assert_output --partial "<nvram format='qcow2'>"
    assert_equal "$(qmp_events a STOP)" ""
    assert_equal "$(tags a b.qcow2)" "b.qcow2:"
}
