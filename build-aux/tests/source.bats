#!/usr/bin/env bats
# Where libvirt's source comes from.

setup() {
    load build.bash
    UNPACK=$BATS_TEST_TMPDIR/unpacked
}

fetch() {
    run --separate-stderr "$BUILD_AUX/fetch-source" "$@"
}

@test "Debian's source is fetched once for two clones at once, with lists that are apt's own for it" {
    export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
    lists_of_machine() { find /var/lib/apt/lists -printf '%p %s %T@\n' | sort; }
    local before fetching
    before=$(lists_of_machine)
    "$BUILD_AUX/fetch-source" >"$BATS_TEST_TMPDIR/one" 2>"$BATS_TEST_TMPDIR/one.err" &
    fetching=$!
    "$BUILD_AUX/fetch-source" >"$BATS_TEST_TMPDIR/two" 2>"$BATS_TEST_TMPDIR/two.err"
    wait "$fetching"
    assert_equal "$(<"$BATS_TEST_TMPDIR/one")" "$(<"$BATS_TEST_TMPDIR/two")"
    run cat "$BATS_TEST_TMPDIR/one.err" "$BATS_TEST_TMPDIR/two.err"
    assert_output "==> fetching Debian's source package libvirt 11.3.0"
    assert_equal "$(lists_of_machine)" "$before"
    run ls -A "$XDG_CACHE_HOME/libvirt-disk-flags/source"
    refute_output --partial tmp.

    run cat "$(<"$BATS_TEST_TMPDIR/one")/debian/changelog"
    assert_line --index 0 --regexp '^libvirt \(11\.3\.0-'
    refute [ -e "$(<"$BATS_TEST_TMPDIR/one")/.pc" ]
}

@test "apt says nothing of its sandbox user" {
    run grep -i _apt "${XDG_CACHE_HOME:-$HOME/.cache}/libvirt-disk-flags/source/fetch.log"
    assert_failure
}

@test "a second clone fetches nothing" {
    "$BUILD_AUX/fetch-source" >/dev/null
    fake_command apt-get 'echo fetched >&2; exit 1'
    fetch
    assert_success
    assert_equal "$stderr" ''
    assert [ -f "$output/meson.build" ]
}

# A mirror of trixie in a directory, without signatures, that has the source.
make_mirror() {
    MIRROR=$BATS_TEST_TMPDIR/mirror
    local index=$MIRROR/dists/trixie/main/source
    make_source 11.3.0
    mkdir -p "$index" "$MIRROR/pool"
    (cd "$BATS_TEST_TMPDIR" && cp -r source libvirt-11.3.0 &&
        tar -cJf "$MIRROR/pool/libvirt_11.3.0.orig.tar.xz" libvirt-11.3.0)
    cat >"$index/Sources" <<SOURCES
Package: libvirt
Format: 3.0 (quilt)
Version: 11.3.0-1test
Directory: pool
Checksums-Sha256:
 $(sha256sum "$MIRROR/pool/libvirt_11.3.0.orig.tar.xz" | cut -d' ' -f1) $(stat -c %s "$MIRROR/pool/libvirt_11.3.0.orig.tar.xz") libvirt_11.3.0.orig.tar.xz
SOURCES
    printf 'Suite: trixie\nCodename: trixie\nComponents: main\nSHA256:\n %s %s main/source/Sources\n' \
        "$(sha256sum "$index/Sources" | cut -d' ' -f1)" "$(stat -c %s "$index/Sources")" >"$MIRROR/dists/trixie/Release"
}

@test "a mirror without signature is not trusted" {
    make_mirror
    export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache LDF_MIRROR=file:$MIRROR
    fetch
    assert_failure
    [[ $stderr == *"is not signed"* ]]
    [[ $stderr == *"offers no source package libvirt 11.3.0"* ]]
}

@test "a directory is taken as the source" {
    make_source 11.3.0
    fetch "$SOURCE" "$UNPACK"
    assert_success
    assert_output "$SOURCE"
}

@test "a tarball is taken as the source and unpacked once" {
    make_source 11.3.0
    tar -cJf "$BATS_TEST_TMPDIR/libvirt.tar.xz" -C "$BATS_TEST_TMPDIR" source
    fetch "$BATS_TEST_TMPDIR/libvirt.tar.xz" "$UNPACK"
    assert_success
    run diff -r "$SOURCE" "$output"
    assert_success
    fetch "$BATS_TEST_TMPDIR/libvirt.tar.xz" "$UNPACK"
    assert_success
    assert_equal "$stderr" ''
}

@test "a source package is taken as the source, with its own patches" {
    make_source 11.3.0
    cat >"$SOURCE/debian/control" <<'CONTROL'
Source: libvirt
Maintainer: Nobody <nobody@localhost>

Package: libvirt
Architecture: all
Description: a source for tests
CONTROL
    sed -i 's/11.3.0-1test/11.3.0/' "$SOURCE/debian/changelog"
    (cd "$BATS_TEST_TMPDIR" && dpkg-source -b source)
    fetch "$BATS_TEST_TMPDIR/libvirt_11.3.0.dsc" "$UNPACK"
    assert_success
    assert [ -f "$output/src/qemu/qemu_hook.c" ]
}

@test "a source of another version is refused and its version named" {
    make_source 11.4.0
    fetch "$SOURCE" "$UNPACK"
    assert_failure
    [[ $stderr == *"this is version '11.4.0', and the patches are for libvirt 11.3.0"* ]]
    tar -cJf "$BATS_TEST_TMPDIR/libvirt.tar.xz" -C "$BATS_TEST_TMPDIR" source
    fetch "$BATS_TEST_TMPDIR/libvirt.tar.xz" "$UNPACK"
    assert_failure
    [[ $stderr == *"this is version '11.4.0'"* ]]
}

@test "a directory that is no libvirt is refused" {
    fetch "$BATS_TEST_TMPDIR" "$UNPACK"
    assert_failure
    [[ $stderr == *"no meson.build there"* ]]
}

@test "a source that does not exist is named" {
    fetch "$BATS_TEST_TMPDIR/nowhere" "$UNPACK"
    assert_failure
    [[ $stderr == *"nowhere: there is no such libvirt source"* ]]
}

@test "a tarball with more than one top-level directory is refused" {
    make_source 11.3.0
    mkdir "$BATS_TEST_TMPDIR/second"
    tar -cf "$BATS_TEST_TMPDIR/two.tar" -C "$BATS_TEST_TMPDIR" source second
    fetch "$BATS_TEST_TMPDIR/two.tar" "$UNPACK"
    assert_failure
    [[ $stderr == *"a tarball with one top-level directory is needed"* ]]
}
