#!/usr/bin/env bats
# The change as a series of commits for libvirt's list.

setup() {
    load build.bash
}

# commit NAME LINE...: of the series, with what it takes.
commit() {
    mkdir -p "$LDF_OVERLAY/series"
    printf '%s\n' "$1" '' 'Why.' -- "${@:2}" >"$LDF_OVERLAY/series/$1"
}

# A tree with a new file and an edit that adds "hooked" and, elsewhere, "one" and "two".
make_tree() {
    make_overlay
    git -C "$LDF_OVERLAY" -c user.name=Nobody -c user.email=nobody@localhost commit -q --allow-empty -m start
    assemble
    sed -i -e 's/^line 3$/&\none\ntwo/' "$TREE/src/qemu/qemu_hook.c"
    mkdir -p "$LDF_OVERLAY/series"
    printf 'About\n\nAll of it.\n' >"$LDF_OVERLAY/series/cover"
}

make_series() {
    run "$BUILD_AUX/make-series" "$TREE" "$LDF_OVERLAY/series" "$BATS_TEST_TMPDIR/out"
}

# at NUMBER FILE: what the file has after so many commits.
at() {
    local work=$BATS_TEST_TMPDIR/out/tree
    git -C "$work" show "$(git -C "$work" rev-list --reverse refs/tags/pristine..HEAD | sed -n "$1p"):$2"
}

@test "the whole change is a series, and its last commit has all of it" {
    run "$BUILD_AUX/make-series" "$BUILD/libvirt" "$TOP/series.d" "$BATS_TEST_TMPDIR/out"
    assert_success
    local count
    count=$(find "$TOP/series.d" -name '[0-9]*' | wc -l)
    assert_output --partial "wrote $count commits"
    run ls "$BATS_TEST_TMPDIR/out"
    assert_line --regexp "^00$count-virsh-.*\.patch$"
    run cat "$BATS_TEST_TMPDIR/out/0000-cover-letter.patch"
    assert_output --partial "disks that know what migrations"
    refute_output --partial '***'
}

@test "commits take files whole and edits in parts" {
    make_tree
    commit 1-first 'src/qemu/qemu_hook.c+ one'
    commit 2-second src/qemu/qemu_new.c src/qemu/qemu_hook.c
    commit 3-third 'src/qemu/qemu_hook.c: hooked'
    make_series
    assert_success
    assert_equal "$(at 1 src/qemu/qemu_hook.c | grep -v line | xargs)" one
    assert_equal "$(at 2 src/qemu/qemu_hook.c | grep -v line | xargs)" "one two"
    assert_equal "$(at 2 src/qemu/qemu_new.c)" new
    assert_equal "$(at 3 src/qemu/qemu_hook.c)" "$(<"$TREE/src/qemu/qemu_hook.c")"
    run at 1 src/qemu/qemu_new.c
    assert_failure
}

@test "what needs a later commit stands otherwise until then" {
    make_tree
    commit 1-first src/qemu/qemu_new.c 'src/qemu/qemu_new.c until 2-second: n(e)w => old, \1'
    commit 2-second src/qemu/qemu_hook.c
    make_series
    assert_success
    assert_equal "$(at 1 src/qemu/qemu_new.c)" "old, e"
    assert_equal "$(at 2 src/qemu/qemu_new.c)" new
}

@test "a file that no commit takes stops the series" {
    make_tree
    commit 1-first src/qemu/qemu_hook.c
    make_series
    assert_failure
    assert_output --partial "src/qemu/qemu_new.c: no commit takes it"
}

@test "a part of an edit that no commit takes stops the series" {
    make_tree
    commit 1-first src/qemu/qemu_new.c 'src/qemu/qemu_hook.c+ one|hooked'
    make_series
    assert_failure
    assert_output --partial "src/qemu/qemu_hook.c: no commit takes: two"
}

@test "what two commits take stops the series" {
    make_tree
    commit 1-first src/qemu/qemu_new.c 'src/qemu/qemu_hook.c+ one'
    commit 2-second 'src/qemu/qemu_hook.c+ one' src/qemu/qemu_hook.c
    make_series
    assert_failure
    assert_output --partial "1-first and 2-second both take: one"
}

@test "a name that stands for nothing stops the series" {
    local name
    make_tree
    for name in src/qemu/qemu_none.c 'src/qemu/qemu_hook.c+ nothing' src/none/ \
        'src/qemu/qemu_new.c until 9-none: new => old'; do
        commit 1-first src/qemu/qemu_new.c src/qemu/qemu_hook.c "$name"
        make_series
        assert_failure
        assert_output --partial 1-first
    done
}
