#!/usr/bin/env bats
# What Debian's source package gets from us, without building it.

setup() {
    load build.bash
    PACKAGING=$TOP/packaging
}

# copy_debian: Debian's package with our edits, as ./package makes it.
copy_debian() {
    SOURCE=$("$BUILD_AUX/fetch-source")
    cp -r "$SOURCE/debian" "$BATS_TEST_TMPDIR"
    local edit
    for edit in "$PACKAGING"/debian/*.patch; do
        patch --directory="$BATS_TEST_TMPDIR" --strip=1 --fuzz=0 --force --reject-file=- <"$edit" >"$BATS_TEST_TMPDIR/said" ||
            fail "$edit does not fit $(cat "$BATS_TEST_TMPDIR/said")"
    done
}

@test "our edits fit Debian's package, and what is new there is not Debian's" {
    local file
    copy_debian
    while read -r file; do
        [[ ! -e $SOURCE/$file ]] || fail "Debian's package has $file already"
    done < <(cd "$PACKAGING" && find debian -type f ! -name '*.patch')
}

@test "Debian's control file has our packages" {
    copy_debian
    (cd "$BATS_TEST_TMPDIR" && debian/scripts/process-templates.py --mode generate)
    run perl -MDpkg::Control::Info -e 'print "$_->{Package} $_->{Architecture}\n"
        for Dpkg::Control::Info->new($ARGV[0])->get_packages()' "$BATS_TEST_TMPDIR/debian/control"
    assert_success
    assert_line "libvirt-disk-set0 any"
    assert_line "libvirt-disk-set-dev any"
    assert_line --regexp '^libvirt-disk-flags .*amd64'
}

@test "maintainer scripts are what a POSIX shell reads" {
    local script
    for script in "$PACKAGING"/debian/*.prerm "$PACKAGING"/debian/disk-flags/*; do
        run dash -n "$script"
        assert_success
        run shellcheck --shell=dash "$script"
        assert_success
    done
}

@test "every file of a package is installed from a path that Debian's package has, or our source" {
    local path
    while read -r path _; do
        [ -f "$TOP/$path" ] || fail "$path is in no package of Debian's and no file of ours"
    done < <(grep -hvE '^(usr/|debian/|etc/)' "$PACKAGING"/debian/*.install)
}

# keep_definitions: what the maintainer scripts run, on a machine with the definitions of
# the test and without a daemon.
keep_definitions() {
    mkdir -p "$BATS_TEST_TMPDIR"/{definitions/qemu,backups,run/qemu}
    run bwrap --dev-bind / / --tmpfs /etc --ro-bind /etc/alternatives /etc/alternatives \
        --bind "$BATS_TEST_TMPDIR/definitions" /etc/libvirt \
        --bind "$BATS_TEST_TMPDIR/backups" /var/backups \
        --bind "$BATS_TEST_TMPDIR/run" /run/libvirt \
        env PATH=/usr/bin:/bin "$PACKAGING/debian/disk-flags/keep-definitions" "$@"
    assert_success
}

@test "a domain that runs is named if the libvirt that comes is too old to take it over" {
    mkdir -p "$BATS_TEST_TMPDIR/run/qemu"
    echo $$ >"$BATS_TEST_TMPDIR/run/qemu/demo.pid"
    echo $$ >"$BATS_TEST_TMPDIR/run/qemu/driver.pid"
    echo 4194305 >"$BATS_TEST_TMPDIR/run/qemu/gone.pid"
    keep_definitions 9.0.0-4+deb12u2
    assert_output --partial "The domain 'demo' runs, and libvirt 9.0.0-4+deb12u2 is too old"
    assert_output --partial "Do not start it again"
    refute_output --regexp "'(driver|gone)'"
    keep_definitions 11.3.0-3+deb13u4
    refute_output --partial demo
    keep_definitions
    refute_output --partial demo
}

define() {
    mkdir -p "$BATS_TEST_TMPDIR/definitions/qemu"
    cat >"$BATS_TEST_TMPDIR/definitions/qemu/$1.xml"
}

@test "the definitions of domains with flags are kept, and what becomes of their disks is told" {
    define demo <<'XML'
<domain type='kvm'>
  <name>demo</name>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <target dev='vda' bus='virtio'/>
      <flags>
        <migrate>false</migrate>
        <snapshot>false</snapshot>
      </flags>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <target dev='vdb' bus='virtio'/>
      <flags>
        <migrate>true</migrate>
        <snapshot>false</snapshot>
        <backup>false</backup>
      </flags>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <target dev='vdc' bus='virtio'/>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <target dev='vdd' bus='virtio'/>
      <flags>
        <migrate>recreate</migrate>
      </flags>
    </disk>
  </devices>
</domain>
XML
    define plain <<'XML'
<domain type='kvm'>
  <name>plain</name>
</domain>
XML
    keep_definitions
    assert_output --partial "'demo'"
    assert_output --partial "vda: migrate --copy-storage-all copies it, unless"
    assert_output --partial "vda: a snapshot takes it"
    assert_output --partial "vdb: migrate --copy-storage-all copies it no more"
    assert_output --partial "vdd: it is not made anew where the domain migrates to"
    assert_output --partial "vdb: an internal snapshot is refused"
    assert_output --partial "vdb: a backup takes it"
    refute_output --partial "vda: a backup"
    refute_output --partial "vdc"
    refute_output --partial "plain"
    assert_output --partial "virsh define /var/backups/libvirt-disk-flags/NAME.xml"
    cmp "$BATS_TEST_TMPDIR/definitions/qemu/demo.xml" "$BATS_TEST_TMPDIR/backups/libvirt-disk-flags/demo.xml"
    assert_equal "$(ls "$BATS_TEST_TMPDIR/backups/libvirt-disk-flags")" demo.xml
    assert_equal "$(stat -c %a "$BATS_TEST_TMPDIR/backups/libvirt-disk-flags" "$BATS_TEST_TMPDIR/backups/libvirt-disk-flags/demo.xml" | xargs)" "700 600"
}

@test "without flags nothing is said and nothing kept" {
    define plain <<<"<domain type='kvm'><name>plain</name></domain>"
    keep_definitions
    assert_output ""
    assert_equal "$(ls "$BATS_TEST_TMPDIR/backups")" ""
}

@test "a directory of backups that cannot be written is told and fails no removal" {
    define demo <<'XML'
<domain type='kvm'>
    <disk type='file' device='disk'>
      <target dev='vda' bus='virtio'/>
      <flags>
        <migrate>false</migrate>
      </flags>
    </disk>
</domain>
XML
    mkdir -p "$BATS_TEST_TMPDIR/backups"
    : >"$BATS_TEST_TMPDIR/backups/libvirt-disk-flags"
    keep_definitions
    assert_output --partial "could not be kept"
    assert_output --partial "vda: migrate"
}

@test "what a man page of ours links to is on the web, as libvirt's check of references wants it" {
    run -1 grep -rnE '^[^-].*<[^>:]+/[^>:]+\.html' "$TOP/docs/manpages"
}
