#!/usr/bin/env bats
# How the overlay becomes a tree to build.

setup() {
    load build.bash
    make_overlay
}

@test "the tree is the source with the edits applied and the new files added" {
    assemble
    assert_success
    assert_equal "$(sed -n '15,17p' "$TREE/src/qemu/qemu_hook.c" | tr '\n' ';')" 'line 15;hooked;line 16;'
    assert_equal "$(<"$TREE/src/qemu/qemu_new.c")" new
    assert [ ! -e "$TREE/build-aux/tool" ]
    assert [ ! -e "$TREE/src/qemu/qemu_hook.c.patch" ]
}

@test "an edit of a file in libvirt's own build-aux is applied" {
    mkdir "$SOURCE/build-aux"
    echo rule >"$SOURCE/build-aux/rules.mk"
    printf '%s\n' '--- a/build-aux/rules.mk' '+++ b/build-aux/rules.mk' '@@ -1 +1,2 @@' ' rule' '+ours' \
        >"$LDF_OVERLAY/build-aux/rules.mk.patch"
    assemble
    assert_success
    assert_equal "$(tr '\n' ';' <"$TREE/build-aux/rules.mk")" 'rule;ours;'
    assert [ ! -e "$TREE/build-aux/tool" ]

    echo more >>"$TREE/build-aux/rules.mk"
    refresh
    assert_success
    assert_equal "$(grep -c '^+' "$LDF_OVERLAY/build-aux/rules.mk.patch")" 3
}

@test "the tree is a git checkout that holds the pristine source as a tag" {
    assemble
    assert_success
    run git -C "$TREE" diff --name-only pristine HEAD
    assert_output $'src/qemu/qemu_hook.c\nsrc/qemu/qemu_new.c'
    run git -C "$TREE" status --porcelain
    assert_output ''
}

@test "the pristine tree has nothing of the overlay" {
    assemble --pristine
    assert_success
    run diff -r --exclude=.git "$SOURCE" "$TREE"
    assert_success
}

@test "a tree inside the clone of the overlay is assembled like any other" {
    echo /build/ >"$LDF_OVERLAY/.gitignore"
    TREE=$LDF_OVERLAY/build/tree
    assemble
    assert_success
    assert_equal "$(<"$TREE/src/qemu/qemu_new.c")" new
}

@test "an edit that applies only with an offset stops the build and names file and revision" {
    sed -i '1i inserted' "$SOURCE/src/qemu/qemu_hook.c"
    assemble
    assert_failure
    assert_output --partial 'src/qemu/qemu_hook.c.patch does not fit libvirt 11.3.0-1test'
    assert_output --partial 'last refreshed against libvirt 11.3.0-0older'
    assert_output --partial 'offset 1 line'
}

@test "an edit that applies only with fuzz stops the build and names file and revision" {
    write_edit 'another line'
    assemble
    assert_failure
    assert_output --partial 'src/qemu/qemu_hook.c.patch does not fit libvirt 11.3.0-1test'
    assert_output --partial 'last refreshed against libvirt 11.3.0-0older'
}

@test "an edit that was applied upstream already stops the build" {
    sed -i '15a hooked' "$SOURCE/src/qemu/qemu_hook.c"
    assemble
    assert_failure
    assert_output --partial 'src/qemu/qemu_hook.c.patch does not fit'
}

@test "a tree that was assembled stays as it was when an edit does not fit" {
    assemble
    sed -i '1i inserted' "$SOURCE/src/qemu/qemu_hook.c"
    assemble
    assert_failure
    run git -C "$TREE" status --porcelain
    assert_output ''
    run git -C "$TREE" show pristine:src/qemu/qemu_hook.c
    refute_output --partial inserted
}

@test "refitting takes an edit with an offset, tells it, and a refresh settles it" {
    sed -i '1i inserted' "$SOURCE/src/qemu/qemu_hook.c"
    assemble --lenient
    assert_success
    assert_output --partial 'src/qemu/qemu_hook.c.patch: Hunk #1 succeeded at 16 (offset 1 line).'
    refresh
    assert_success
    assemble
    assert_success
    assert_equal "$(<"$LDF_OVERLAY/build-aux/source-revision")" 'libvirt 11.3.0-1test'
}

@test "a patch of another file than its name says is refused" {
    mv "$LDF_OVERLAY/src/qemu/qemu_hook.c.patch" "$LDF_OVERLAY/src/qemu/qemu_other.c.patch"
    assemble
    assert_failure
    assert_output --partial "src/qemu/qemu_other.c.patch: it must begin with the lines '--- a/src/qemu/qemu_other.c'"
}

@test "a new file that libvirt has already is refused" {
    echo mine >"$LDF_OVERLAY/src/qemu/qemu_other.c"
    assemble
    assert_failure
    assert_output --partial 'src/qemu/qemu_other.c: libvirt has this file already'
}

@test "an edit of a file that libvirt does not have is refused" {
    mv "$LDF_OVERLAY/src/qemu/qemu_hook.c.patch" "$LDF_OVERLAY/src/qemu/qemu_gone.c.patch"
    assemble
    assert_failure
    assert_output --partial 'src/qemu/qemu_gone.c.patch: libvirt has no such file to edit'
}

@test "only files whose content changes are written" {
    assemble
    find "$TREE" -name .git -prune -o -type f -exec touch -d '2001-01-01' {} +
    echo 'newer' >"$LDF_OVERLAY/src/qemu/qemu_new.c"
    touch "$LDF_OVERLAY/src/qemu/qemu_hook.c.patch"
    assemble
    assert_success
    run find "$TREE" -name .git -prune -o -type f -newermt '2001-01-02' -printf '%P\n'
    assert_output 'src/qemu/qemu_new.c'
}

@test "what the overlay no longer has is taken back" {
    assemble
    rm "$LDF_OVERLAY/src/qemu/qemu_hook.c.patch" "$LDF_OVERLAY/src/qemu/qemu_new.c"
    assemble
    assert_success
    run diff -r --exclude=.git "$SOURCE" "$TREE"
    assert_success
}

@test "a change of the source reaches the tree" {
    assemble
    echo 'touched' >"$SOURCE/src/qemu/qemu_other.c"
    assemble
    assert_success
    assert_equal "$(<"$TREE/src/qemu/qemu_other.c")" touched
}

@test "an edit in the tree that is not refreshed is kept and told" {
    assemble
    echo 'edited' >>"$TREE/src/qemu/qemu_other.c"
    echo 'newer' >"$LDF_OVERLAY/src/qemu/qemu_new.c"
    assemble
    assert_success
    assert_output --partial "edits that 'make refresh' has not written back: src/qemu/qemu_other.c"
    assert_equal "$(tail -n 1 "$TREE/src/qemu/qemu_other.c")" edited
    assert_equal "$(<"$TREE/src/qemu/qemu_new.c")" newer
}

@test "an edit in the tree that the overlay would overwrite stops the build with both ways out" {
    assemble
    echo 'edited in the tree' >"$TREE/src/qemu/qemu_new.c"
    echo 'edited in the overlay' >"$LDF_OVERLAY/src/qemu/qemu_new.c"
    assemble
    assert_failure
    assert_output --partial 'has edits of src/qemu/qemu_new.c'
    assert_output --partial 'make refresh'
    assert_output --partial "restore --source=refs/disk-flags/assembled src/qemu/qemu_new.c"
    assert_equal "$(<"$TREE/src/qemu/qemu_new.c")" 'edited in the tree'

    git -C "$TREE" restore --source=refs/disk-flags/assembled src/qemu/qemu_new.c
    assemble
    assert_success
    assert_equal "$(<"$TREE/src/qemu/qemu_new.c")" 'edited in the overlay'
}

@test "a new file in the tree is not overwritten by one of the overlay" {
    assemble
    echo 'mine' >"$TREE/src/qemu/qemu_second.c"
    echo 'other' >"$LDF_OVERLAY/src/qemu/qemu_second.c"
    assemble
    assert_failure
    assert_output --partial 'src/qemu/qemu_second.c'
    assert_equal "$(<"$TREE/src/qemu/qemu_second.c")" mine
}
