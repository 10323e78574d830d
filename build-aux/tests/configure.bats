#!/usr/bin/env bats
# What configure and the root commands do about missing dependencies.

setup() {
    load build.bash
    cd "$BATS_TEST_TMPDIR"
    export LDF_DEPENDENCIES=$BATS_TEST_TMPDIR/dependencies
    cat >"$LDF_DEPENDENCIES" <<'LIST'
# kinds of all sorts
program    bash                bash
program    no-such-program     package-one
pkgconfig  no-such-module      package-two
python     no_such_import      package-three
file       /no/such/file-*     package-two
LIST
}

@test "configure names every missing dependency at once, with the package that has it" {
    run "$TOP/configure"
    assert_failure
    assert_output --regexp 'program +no-such-program +in Debian package package-one'
    assert_output --regexp 'pkgconfig +no-such-module +in Debian package package-two'
    assert_output --regexp 'python +no_such_import +in Debian package package-three'
    assert_output --regexp 'file +/no/such/file-\* +in Debian package package-two'
    assert_output --partial 'apt-get install --no-install-recommends package-one package-three package-two'
    refute_output --regexp 'in Debian package bash'
}

@test "configure tells that it needs a source which exists" {
    run "$TOP/configure" --with-libvirt-source=nowhere
    assert_failure
    assert_output --partial '--with-libvirt-source=nowhere: there is no such directory or file'
    run "$TOP/configure" --with-libvirt-source
    assert_failure
    assert_output --partial '--with-libvirt-source needs a PATH'
}

@test "the build takes the source that configure was given" {
    unset LDF_DEPENDENCIES
    make_source 9.1.0
    "$TOP/configure" --with-libvirt-source=source
    run make stock-tree
    assert_failure
    assert_output --partial "$SOURCE: this is version '9.1.0'"
}

@test "the root commands install what is missing, by one apt-get" {
    fake_command apt-get 'echo "$*" >>"$BATS_TEST_TMPDIR/calls"; [[ $* != *install* ]] || : >"$LDF_DEPENDENCIES"'
    LDF_BUILD=$BATS_TEST_TMPDIR/build run bash -euo pipefail -c ". '$BUILD_AUX/common.sh'; ldf_require_packages"
    assert_success
    run grep -c install "$BATS_TEST_TMPDIR/calls"
    assert_output 1
    run cat "$BATS_TEST_TMPDIR/calls"
    assert_output --partial 'install --no-install-recommends package-one package-three package-two'
}

@test "the root commands do not ask apt when nothing is missing" {
    echo 'program bash bash' >"$LDF_DEPENDENCIES"
    fake_command apt-get 'echo asked; exit 1'
    run bash -euo pipefail -c ". '$BUILD_AUX/common.sh'; ldf_require_packages"
    assert_success
    assert_output ''
}

@test "a package that does not bring its dependency stops the root commands" {
    fake_command apt-get 'exit 0'
    LDF_BUILD=$BATS_TEST_TMPDIR/build run bash -euo pipefail -c ". '$BUILD_AUX/common.sh'; ldf_require_packages"
    assert_failure
    assert_output --partial 'no-such-program'
    assert_output --partial 'correct build-aux/dependencies'
}

@test "what apt-get says is shown when it fails" {
    fake_command apt-get 'echo "E: no network"; exit 100'
    LDF_BUILD=$BATS_TEST_TMPDIR/build run bash -euo pipefail -c ". '$BUILD_AUX/common.sh'; ldf_require_packages"
    assert_failure
    assert_output --partial 'E: no network'
}

@test "a kind of dependency that is not known is named" {
    echo 'progam bash bash' >"$LDF_DEPENDENCIES"
    run "$BUILD_AUX/check-dependencies"
    assert_failure
    assert_output --partial "unknown kind 'progam'"
}
