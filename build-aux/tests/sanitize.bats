#!/usr/bin/env bats
# Whose errors sanitize-tree says they are, and what fuzz-tree does with a finding.

setup() {
    load build.bash
    make_overlay
    assemble
}

# Lets the tests of the tree write this report, as one by PROGRAM; one of them, FAILING,
# may fail.
report() {
    local result=${FAILING:+FAIL} name=${FAILING:-sometest}
    result="{\"name\": \"libvirt / $name\", \"result\": \"${result:-OK}\"}
        {\"name\": \"libvirt / script\", \"result\": \"OK\"}"
    printf '%s\n' "$@" >"$BATS_TEST_TMPDIR/report"
    mkdir -p "$TREE-sanitized/"{meson-logs,tests}
    touch "$TREE-sanitized/tests/$name"
    chmod +x "$TREE-sanitized/tests/$name"
    fake_command meson "[[ \" \$* \" != *' --list '* ]] || { echo 'libvirt / $name'; echo 'libvirt / script'; exit; }
        echo \"\$ASAN_OPTIONS \$*\" >>'$BATS_TEST_TMPDIR/run'
        cp '$BATS_TEST_TMPDIR/report' '$TREE-sanitized/reports/report.${PROGRAM:-$name}.1'
        echo '$result' >'$TREE-sanitized/meson-logs/tests.json'"
    run "$BUILD_AUX/sanitize-tree" "$TREE"
}

# Lets the fuzzer behave as given.
fuzzer() {
    local program=$TREE-sanitized/tests/disk_flags_fuzz/diskflagsfuzztest
    mkdir -p "$(dirname "$program")" "$TREE/tests/disk_flags_fuzz/corpus/disk"
    printf '#!/bin/bash\n%s\n' "$1" >"$program"
    chmod +x "$program"
    run "$BUILD_AUX/fuzz-tree" --seconds 1 "$TREE" disk
}

@test "a sanitized build is clang's, beside the ordinary one and with its options" {
    fake_command meson 'mkdir -p "$2"; touch "$2/build.ninja"; printf "%s\n" "$CC" "$@" >"$BATS_TEST_TMPDIR/set-up"'
    fake_command ninja 'echo "$@" >"$BATS_TEST_TMPDIR/built"'
    "$BUILD_AUX/build-tree" --sanitized "$TREE" program
    run cat "$BATS_TEST_TMPDIR/set-up"
    assert_line --index 0 clang
    assert_line "$TREE-sanitized"
    assert_line -- -Ddriver_qemu=enabled
    assert_line -- -Db_sanitize=address,undefined
    run cat "$BATS_TEST_TMPDIR/built"
    assert_output "-C $TREE-sanitized program"
}

@test "a test that leaves a report is run again with whole stacks, and no other" {
    report 'a report'
    assert_line 'again, with whole stacks: sometest'
    run sed -E 's/.*(fast_unwind_on_malloc=.).* 40/\1/' "$BATS_TEST_TMPDIR/run"
    assert_output "fast_unwind_on_malloc=1
fast_unwind_on_malloc=0 sometest"
}

@test "a report of a program that is no test has the scripts run again" {
    PROGRAM=virsh report 'a report'
    assert_line 'again, with whole stacks: script'
}

@test "without a report nothing is an error" {
    report 'no report'
    assert_success
    assert_line 'errors of ours: 0'
}

@test "tests that cannot be run are an error" {
    fake_command meson 'echo "build them first"; exit 1'
    run "$BUILD_AUX/sanitize-tree" "$TREE"
    assert_failure
    assert_line 'sanitize-tree: no test was run'
}

@test "a test of ours that fails without a report is an error, one of libvirt's is named" {
    mkdir -p "$LDF_OVERLAY/tests"
    echo 'a test' >"$LDF_OVERLAY/tests/newtest.c"
    assemble
    FAILING=oldtest report 'no report'
    assert_success
    assert_line 'tests of libvirt that failed: oldtest'
    FAILING=newtest report 'no report'
    assert_failure
    assert_line 'tests of ours that failed: newtest'
}

@test "an error that names no place in the tree is counted" {
    report '==7==ERROR: AddressSanitizer: stack-overflow' '    #0 0x1 in somewhere (library+0x1)' \
        'SUMMARY: AddressSanitizer: stack-overflow'
    assert_success
    assert_line --partial 'stack-overflow: unknown place'
}

@test "an error of memory in a new file is ours" {
    report '==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x1' \
        "    #0 0x1 in freed $TREE-sanitized/../tree/src/qemu/qemu_other.c:1:2" \
        "    #1 0x2 in caller $TREE-sanitized/../tree/src/qemu/qemu_new.c:1:2" \
        'SUMMARY: AddressSanitizer: heap-use-after-free'
    assert_failure
    assert_line --partial 'in caller'
    assert_line 'errors of ours: 1'
}

@test "a leak through a line that a patch adds is ours" {
    report 'Direct leak of 4 byte(s) in 1 object(s) allocated from:' \
        '    #0 0x1 in malloc (program+0x1)' \
        "    #1 0x2 in hooked $TREE-sanitized/../tree/src/qemu/qemu_hook.c:16:2" '' \
        'SUMMARY: AddressSanitizer: 4 byte(s) leaked'
    assert_failure
    assert_line 'errors of ours: 1'
}

@test "undefined behaviour in a line of libvirt is told as libvirt's" {
    report '../tree/src/qemu/qemu_hook.c:3:9: runtime error: shift exponent 64 is too large' \
        "    #0 0x1 in old $TREE-sanitized/../tree/src/qemu/qemu_hook.c:3:9"
    assert_success
    assert_line 'errors of libvirt itself, by place: 1'
    assert_line --partial 'shift exponent 64 is too large: src/qemu/qemu_hook.c:3'
    assert_line 'errors of ours: 0'
}

@test "undefined behaviour in a line of ours is ours though libvirt's comes after it" {
    report '../tree/src/qemu/qemu_new.c:1:9: runtime error: signed integer overflow' \
        '../tree/src/qemu/qemu_hook.c:3:9: runtime error: shift exponent 64 is too large'
    assert_failure
    assert_line --partial 'signed integer overflow'
    assert_line 'errors of ours: 1'
}

@test "an error of libvirt that a test of ours runs into is libvirt's" {
    mkdir -p "$LDF_OVERLAY/tests"
    echo 'a test' >"$LDF_OVERLAY/tests/newtest.c"
    assemble
    report '../tree/src/qemu/qemu_hook.c:3:9: runtime error: shift exponent 64 is too large' \
        "    #0 0x1 in old $TREE-sanitized/../tree/src/qemu/qemu_hook.c:3:9" \
        "    #1 0x2 in test $TREE-sanitized/../tree/tests/newtest.c:1:9"
    assert_success
    assert_line 'errors of ours: 0'
}

@test "a finding of the fuzzer is an error that tells how to run it again" {
    fuzzer 'for option; do
        [[ $option != -artifact_prefix=* ]] || echo x >"${option#*=}crash-1"
    done
    echo "does not hold: a sentence"
    exit 77'
    assert_failure
    assert_line 'does not hold: a sentence'
    assert_line --partial 'FINDING in disk'
    assert_line --partial 'VIR_TEST_FUZZ=disk'
    assert_line --partial 'findings/crash-1 tests/disk_flags_fuzz/corpus/disk/NAME'
}

@test "a fuzzer that does not start is an error" {
    fuzzer 'echo "cannot start"; exit 1'
    assert_failure
}

@test "coverage that lacks one of our files is an error" {
    fuzzer 'exit 0'
    mkdir -p "$TREE-sanitized/fuzz/disk/profiles"
    touch "$TREE-sanitized/fuzz/disk/profiles/1.profraw"
    fake_command llvm-profdata ':'
    fake_command llvm-cov "echo $TREE/src/conf/domain_disk_flags.c 1 0 90% 1 0 1 10 1 95%"
    run "$BUILD_AUX/fuzz-tree" --coverage "$TREE"
    assert_failure
    assert_line --regexp '^src/conf/domain_disk_flags.c +95% +90%$'
    assert_line 'fuzz-tree: no coverage is known of src/conf/domain_disk_selection.c'
}

@test "a fuzzer that finds nothing tells how much it tried" {
    fuzzer 'echo "stat::number_of_executed_units: 123"'
    assert_success
    assert_line 'disk: 123 executions in 1 seconds,  a second; 0 inputs kept'
}
