#!/usr/bin/env bats
# Systems: where their packages come from, how they are made and entered.

setup() {
    load build.bash
    export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
}

# An apt configuration whose source lists are those of the test.
use_lists() {
    mkdir -p "$BATS_TEST_TMPDIR/lists.d"
    LISTS=$BATS_TEST_TMPDIR/lists.d
    export APT_CONFIG=$BATS_TEST_TMPDIR/apt.conf
    printf 'Dir::Etc::sourcelist "%s";\nDir::Etc::sourceparts "%s";\n' \
        "$BATS_TEST_TMPDIR/sources.list" "$LISTS" >"$APT_CONFIG"
}

sources_for() {
    run bash -c '. "$0/apt-sources.sh"; print_apt_sources "$1"' "$BUILD_AUX" "$1"
}

# A copy of the tools, with an mmdebstrap that makes a directory and says for what.
use_fake_mmdebstrap() {
    TOOLS=$BATS_TEST_TMPDIR/tools
    mkdir -p "$TOOLS"
    cp "$BUILD_AUX"/{make-system,apt-sources.sh,packages,packages-stock} "$TOOLS"
    fake_command mmdebstrap 'echo $* >>"'"$BATS_TEST_TMPDIR"'/made"; echo "I: making it..."
        [[ ! -e "'"$BATS_TEST_TMPDIR"'/broken" ]] || { mkdir -p "${@: -2:1}"; echo "E: no such mirror" >&2; exit 1; }
        mkdir -p "${@: -2:1}/usr/sbin"'
}

make_system() {
    run --separate-stderr env -u LDF_SYSTEM "$TOOLS/make-system" "$@"
}

@test "packages come from where the machine has its own, for another release, with the same keys" {
    use_lists
    cat >"$BATS_TEST_TMPDIR/sources.list" <<'LIST'
# deb uri:commented bookworm main
deb [signed-by=/a/key arch=amd64] uri:one bookworm main contrib # why
deb-src uri:one bookworm main
deb uri:old/security bullseye/updates main
deb uri:backports bookworm-backports main
deb uri:other jammy main
LIST
    cat >"$LISTS/machine.sources" <<'SOURCES'
# What this machine uses.
Types: deb deb-src
URIs: uri:three
Suites: stable
 stable-updates
Components: main
Signed-By:
 -----BEGIN KEY-----
 abc

Enabled: no
Types: deb
URIs: uri:disabled
Suites: bookworm
SOURCES
    echo 'deb uri:off bookworm main' >"$LISTS/off.list.disabled"
    sources_for trixie
    assert_success
    assert_output - <<'SOURCES'
Types: deb deb-src
URIs: uri:one
Suites: trixie
Components: main
Signed-By: /a/key

Types: deb deb-src
URIs: uri:old/security
Suites: trixie-security
Components: main

Types: deb deb-src
URIs: uri:three
Suites: trixie trixie-updates
Components: main
Signed-By:
 -----BEGIN KEY-----
 abc
SOURCES
}

@test "sid has no updates, and its index may be past its date" {
    use_lists
    printf 'deb uri:one trixie main\ndeb uri:one trixie-updates main\n' >"$BATS_TEST_TMPDIR/sources.list"
    sources_for sid
    assert_output - <<'SOURCES'
Types: deb deb-src
URIs: uri:one
Suites: sid
Components: main
Check-Valid-Until: no
SOURCES
}

@test "LDF_MIRROR is taken instead of the machine's sources" {
    use_lists
    echo 'deb uri:one trixie main' >"$BATS_TEST_TMPDIR/sources.list"
    export LDF_MIRROR=uri:mine
    sources_for bookworm
    assert_line "URIs: uri:mine"
    assert_line "Suites: bookworm bookworm-updates"
    refute_line "URIs: uri:one"
    refute_line "Check-Valid-Until: no"
}

@test "a machine that is no Debian is told what to give" {
    use_lists
    use_fake_mmdebstrap
    echo 'deb uri:other jammy main' >"$BATS_TEST_TMPDIR/sources.list"
    make_system trixie
    assert_failure
    [[ $stderr == *"no source of Debian"*"LDF_MIRROR="* ]]
}

@test "a system is made once, and anew when its list of packages changes" {
    use_fake_mmdebstrap
    local first
    make_system trixie
    assert_success
    first=$output
    assert [ -d "$first" ]
    [[ $stderr == *"making the system trixie"*"==> trixie: making it"* ]]
    make_system trixie
    assert_output "$first"
    assert_equal "$stderr" ''
    assert_equal "$(wc -l <"$BATS_TEST_TMPDIR/made")" 1
    run grep -c -- '--include=.*\<meson\>' "$BATS_TEST_TMPDIR/made"
    assert_output 1

    echo cowsay >>"$TOOLS/packages"
    make_system trixie
    assert_success
    assert_not_equal "$output" "$first"
    assert [ -d "$output" ]
    # What the old list made is in nobody's way.
    assert [ ! -e "$first" ]
    run tail -n 1 "$BATS_TEST_TMPDIR/made"
    assert_output --regexp '--include=[^ ]*cowsay'
}

@test "a package with a system's name behind it is for that system alone" {
    use_fake_mmdebstrap
    echo 'cowsay bookworm' >>"$TOOLS/packages"
    make_system trixie
    make_system bookworm
    assert_equal "$(grep -c cowsay "$BATS_TEST_TMPDIR/made")" 1
    run tail -n 1 "$BATS_TEST_TMPDIR/made"
    assert_output --regexp '--include=[^ ]*cowsay.* bookworm '
}

@test "a system whose making failed says why and is not taken for one" {
    use_fake_mmdebstrap
    touch "$BATS_TEST_TMPDIR/broken"
    make_system trixie
    assert_failure
    [[ $stderr == *"E: no such mirror"*"could not make trixie"* ]]
    run ls "$XDG_CACHE_HOME/libvirt-disk-flags/systems"
    refute_output --partial tmp.
    rm "$BATS_TEST_TMPDIR/broken"
    make_system trixie
    assert_success
    assert [ -d "$output/usr/sbin" ]
}

@test "a system that nobody knows is named, with those there are" {
    run -1 "$BUILD_AUX/make-system" woody
    assert_output --partial "no system is named 'woody'"
    assert_output --partial "stock-sid"
    run -1 env -u LDF_SYSTEM "$BUILD_AUX/in-system" --system woody true
    assert_output --partial "no system is named 'woody'"
    run -1 env -u LDF_SYSTEM "$TOP/demo" --system woody
    assert_output --partial "no system is named 'woody'"
}

@test "somebody who is not root is told so first, and what to run instead" {
    local command clone
    clone=$(mktemp -d)
    cp -r "$TOP"/{demo,check,lab,bench,build-aux} "$clone"
    chmod 755 "$clone"
    for command in demo check "lab up" bench; do
        # shellcheck disable=SC2086 # a command and its argument
        run -1 env -u LDF_SYSTEM -u LDF_BUILD HOME=/nonexistent setpriv --reuid 65534 --regid 65534 \
            --clear-groups bash -c 'cd "$0" && exec ./"$@"' "$clone" $command
        assert_output --partial "run: sudo ./$command"
    done
    rm -rf "$clone"
    assert [ ! -e "$XDG_CACHE_HOME" ]
}

@test "each command explains itself without a system" {
    local command
    for command in demo check lab bench; do
        run -0 env -u LDF_SYSTEM PATH=/usr/bin:/bin "$TOP/$command" --help
        assert_line --regexp '[Uu]sage: ./'
    done
    assert [ ! -e "$XDG_CACHE_HOME" ]
}

# --- Inside: a system in this system -----------------------------------------

# A small clone of somebody's, whose system is the one that this test runs in.
use_clone() {
    CLONE=$BATS_TEST_TMPDIR/clone
    mkdir -p "$CLONE/build-aux"
    cp "$BUILD_AUX/in-system" "$CLONE/build-aux"
    printf '#!/bin/sh\necho /\n' >"$CLONE/build-aux/make-system"
    chmod +x "$CLONE/build-aux/make-system"
    chown -R 65534:65534 "$CLONE"
}

in_clone() { env -u LDF_SYSTEM -u LDF_BUILD "$CLONE/build-aux/in-system" "$@"; }

@test "a command runs in the system with its arguments, and its status is given back" {
    use_clone
    cd "$CLONE"
    run -7 in_clone --system bookworm bash -c 'echo "$LDF_SYSTEM, $LDF_BUILD, $PWD, $1"; exit 7' bash "two words"
    assert_output "bookworm, $CLONE/build/bookworm, $CLONE, two words"
}

@test "what a command makes belongs to whoever owns the clone" {
    use_clone
    run -0 in_clone touch "$CLONE/build/trixie/made"
    assert_equal "$(stat -c %u "$CLONE/build/trixie/made")" 65534
}

@test "nothing that a command starts outlives it" {
    use_clone
    run -0 in_clone bash -c 'setsid sleep 98765 >/dev/null 2>&1 & disown; until readlink "/proc/$!/exe" | grep sleep; do :; done'
    assert_output --partial sleep
    run -1 pgrep -f 'sleep 98765'
}

@test "a signal reaches the command, which has time to clean up" {
    use_clone
    (exec env -u LDF_SYSTEM -u LDF_BUILD "$CLONE/build-aux/in-system" bash -c 'trap "sleep 0.5; echo cleaned >'"$CLONE"'/build/trixie/cleaned; exit 130" TERM; touch '"$CLONE"'/build/trixie/ready; while :; do sleep 0.1; done') 3>&- &
    local pid=$! waited=0
    until [[ -e $CLONE/build/trixie/ready ]] || ((++waited > 100)); do sleep 0.1; done
    # The shell makes what it starts in the background deaf to SIGINT.
    kill -TERM "$pid"
    wait "$pid" || :
    assert_equal "$(<"$CLONE/build/trixie/cleaned")" cleaned
}
