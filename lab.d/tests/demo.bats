#!/usr/bin/env bats
# What ./demo shows, and that it cleans up.
# bats file_tags=any-qemu

bats_require_minimum_version 1.5.0
load lab

setup() {
    # A demo of a person's that was left running is not this one.
    export LDF_BUILD="$BUILD/lab-tests/demo"
    export LDF_LAB="$LDF_BUILD/demo"
}

teardown() {
    [ -n "${BATS_TEST_COMPLETED-}" ] || echo "the demo said: ${output-}"
    lab down > /dev/null
}

@test "the demo copies the disks that their flags say, tells bytes and seconds, and leaves nothing behind" {
    run -0 "$ROOT/demo"
    assert_line --regexp '^   vda   NBD, both reach it   false    no$'
    assert_line --regexp '^   vdb   local, qcow2         -        yes     +[0-9]{8} +[0-9]+\.[0-9]+$'
    assert_line --regexp '^   vdc   local, shareable     true     yes     +[0-9]{8} +[0-9]+\.[0-9]+$'
    assert_line --regexp '^   vdd   local, scratch       false    no$'
    assert_equal "$(lab status)" "lab: down"
}

@test "demo --keep leaves the hosts running and says how to go on" {
    run -0 "$ROOT/demo" --keep
    assert_line "   export LDF_LAB=$LDF_LAB"
    assert_equal "$(state_of b)" running
}

@test "the demo refuses a word that it does not know" {
    run -2 "$ROOT/demo" --fast
    assert_output "demo: unknown option '--fast' (see ./demo --help)"
}
