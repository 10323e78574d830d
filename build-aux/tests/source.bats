#!/usr/bin/env bats
# Where libvirt's source comes from.

setup() {
    load build.bash
    UNPACK=$BATS_TEST_TMPDIR/unpacked
}

fetch() {
    run --separate-stderr "$BUILD_AUX/fetch-source" "$@"
}

# An apt configuration whose source lists are those of the directory.
use_lists() {
    LISTS=$BATS_TEST_TMPDIR/lists.d
    mkdir -p "$LISTS"
    export APT_CONFIG=$BATS_TEST_TMPDIR/apt.conf
    printf 'Dir::Etc::sourcelist "%s";\nDir::Etc::sourceparts "%s";\n' \
        "$BATS_TEST_TMPDIR/sources.list" "$LISTS" >"$APT_CONFIG"
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
    assert_output "==> fetching Debian's source package libvirt 9.0.0"
    assert_equal "$(lists_of_machine)" "$before"
    run ls -A "$XDG_CACHE_HOME/libvirt-disk-flags/source"
    refute_output --partial tmp.

    run cat "$(<"$BATS_TEST_TMPDIR/one")/debian/changelog"
    assert_line --index 0 --regexp '^libvirt \(9\.0\.0-'
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

@test "a repository without signature is not trusted" {
    use_lists
    export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
    local repository=$BATS_TEST_TMPDIR/repository
    make_source 9.0.0
    mkdir -p "$repository"
    (cd "$repository" && cp -r "$SOURCE" libvirt-9.0.0 && tar -cJf libvirt_9.0.0.tar.xz libvirt-9.0.0)
    cat >"$repository/Sources" <<SOURCES
Package: libvirt
Format: 3.0 (native)
Version: 9.0.0-1test
Directory: .
Checksums-Sha256:
 $(sha256sum "$repository/libvirt_9.0.0.tar.xz" | cut -d' ' -f1) $(stat -c %s "$repository/libvirt_9.0.0.tar.xz") libvirt_9.0.0.tar.xz
SOURCES
    printf 'Suite: test\nSHA256:\n %s %s Sources\n' \
        "$(sha256sum "$repository/Sources" | cut -d' ' -f1)" "$(stat -c %s "$repository/Sources")" >"$repository/Release"
    echo "deb file:$repository ./" >"$LISTS/local.list"
    fetch
    assert_failure
    [[ $stderr == *"is not signed"* ]]
    [[ $stderr == *"offer no source package libvirt 9.0.0"* ]]
}

@test "of the machine's lists all that is enabled is read, for sources, with its options" {
    use_lists
    cat >"$BATS_TEST_TMPDIR/sources.list" <<'LIST'
# deb uri:commented suite main
deb [signed-by=/a/key arch=amd64] uri:one suite main contrib # why
deb-src uri:two suite main
deb uri:two suite main
LIST
    cat >"$LISTS/machine.sources" <<'SOURCES'
# What this machine uses.
Types: deb deb-src
URIs: uri:three
Suites: suite
 suite-updates
Signed-By: /another/key

Enabled: no
Types: deb
URIs: uri:disabled
Suites: suite
SOURCES
    echo 'deb uri:off suite main' >"$LISTS/off.list.disabled"
    fetch --print-lists
    assert_success
    assert_output - <<'LISTS'
deb-src [signed-by=/a/key arch=amd64] uri:one suite main contrib
deb-src uri:two suite main
Types: deb-src
URIs: uri:three
Suites: suite
 suite-updates
Signed-By: /another/key
LISTS
}

@test "a machine without source lists is told what to give instead" {
    use_lists
    fetch --print-lists
    assert_failure
    [[ $stderr == *"has no apt source list"*"--with-libvirt-source=PATH"* ]]
}

@test "a directory is taken as the source" {
    make_source 9.0.0
    fetch "$SOURCE" "$UNPACK"
    assert_success
    assert_output "$SOURCE"
}

@test "a tarball is taken as the source and unpacked once" {
    make_source 9.0.0
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
    make_source 9.0.0
    cat >"$SOURCE/debian/control" <<'CONTROL'
Source: libvirt
Maintainer: Nobody <nobody@localhost>

Package: libvirt
Architecture: all
Description: a source for tests
CONTROL
    sed -i 's/9.0.0-1test/9.0.0/' "$SOURCE/debian/changelog"
    (cd "$BATS_TEST_TMPDIR" && dpkg-source -b source)
    fetch "$BATS_TEST_TMPDIR/libvirt_9.0.0.dsc" "$UNPACK"
    assert_success
    assert [ -f "$output/src/qemu/qemu_hook.c" ]
}

@test "a source of another version is refused and its version named" {
    make_source 9.1.0
    fetch "$SOURCE" "$UNPACK"
    assert_failure
    [[ $stderr == *"this is version '9.1.0', and the patches are for libvirt 9.0.0"* ]]
    tar -cJf "$BATS_TEST_TMPDIR/libvirt.tar.xz" -C "$BATS_TEST_TMPDIR" source
    fetch "$BATS_TEST_TMPDIR/libvirt.tar.xz" "$UNPACK"
    assert_failure
    [[ $stderr == *"this is version '9.1.0'"* ]]
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
    make_source 9.0.0
    mkdir "$BATS_TEST_TMPDIR/second"
    tar -cf "$BATS_TEST_TMPDIR/two.tar" -C "$BATS_TEST_TMPDIR" source second
    fetch "$BATS_TEST_TMPDIR/two.tar" "$UNPACK"
    assert_failure
    [[ $stderr == *"a tarball with one top-level directory is needed"* ]]
}
