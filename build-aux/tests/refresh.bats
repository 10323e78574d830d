#!/usr/bin/env bats
# How edits in the tree come back to the overlay, and leave it as one patch.

setup() {
    load build.bash
}

@test "an edit of libvirt's file comes back as a patch with one line of context and no time" {
    make_overlay
    assemble
    sed -i '3a third' "$TREE/src/qemu/qemu_hook.c"
    refresh
    assert_success
    assert_output --partial 'wrote src/qemu/qemu_hook.c.patch'
    run cat "$LDF_OVERLAY/src/qemu/qemu_hook.c.patch"
    assert_output - <<'PATCH'
--- a/src/qemu/qemu_hook.c
+++ b/src/qemu/qemu_hook.c
@@ -3,2 +3,3 @@
 line 3
+third
 line 4
@@ -15,2 +16,3 @@
 line 15
+hooked
 line 16
PATCH
}

@test "a new file and an edit of a new file come back whole" {
    make_overlay
    assemble
    echo 'more' >>"$TREE/src/qemu/qemu_new.c"
    echo 'second' >"$TREE/src/qemu/qemu_second.c"
    ln -s qemu_new.c "$TREE/src/qemu/qemu_link.c"
    refresh
    assert_success
    assert_equal "$(<"$LDF_OVERLAY/src/qemu/qemu_new.c")" $'new\nmore'
    assert_equal "$(<"$LDF_OVERLAY/src/qemu/qemu_second.c")" second
    assert_equal "$(readlink "$LDF_OVERLAY/src/qemu/qemu_link.c")" qemu_new.c
    assemble
    assert_success
    assert_output ''
}

@test "an edit that was taken back in the tree leaves the overlay" {
    make_overlay
    assemble
    git -C "$TREE" restore --source=pristine src/qemu/qemu_hook.c
    rm "$TREE/src/qemu/qemu_new.c"
    refresh
    assert_success
    assert [ ! -e "$LDF_OVERLAY/src/qemu/qemu_hook.c.patch" ]
    assert [ ! -e "$LDF_OVERLAY/src/qemu/qemu_new.c" ]
}

@test "a refresh leaves alone what changed only in the overlay" {
    make_overlay
    assemble
    echo 'newer' >"$LDF_OVERLAY/src/qemu/qemu_new.c"
    echo 'another' >"$LDF_OVERLAY/src/qemu/qemu_another.c"
    refresh
    assert_success
    assert_equal "$(<"$LDF_OVERLAY/src/qemu/qemu_new.c")" newer
    assert_equal "$(<"$LDF_OVERLAY/src/qemu/qemu_another.c")" another
}

@test "a refresh overwrites what changed in the overlay too only when it is forced" {
    make_overlay
    assemble
    echo 'tree' >"$TREE/src/qemu/qemu_new.c"
    echo 'overlay' >"$LDF_OVERLAY/src/qemu/qemu_new.c"
    refresh
    assert_failure
    assert_output --partial 'src/qemu/qemu_new.c: edited in'
    assert_equal "$(<"$LDF_OVERLAY/src/qemu/qemu_new.c")" overlay
    refresh --force
    assert_success
    assert_equal "$(<"$LDF_OVERLAY/src/qemu/qemu_new.c")" tree
}

@test "a refresh names a file of libvirt that was removed" {
    make_overlay
    assemble
    rm "$TREE/src/qemu/qemu_other.c"
    refresh
    assert_failure
    assert_output --partial "src/qemu/qemu_other.c: libvirt's own files can be edited, not removed"
}

@test "a refresh names a new file that lies where the overlay cannot keep it" {
    make_overlay
    assemble
    mkdir "$TREE/elsewhere"
    echo x >"$TREE/elsewhere/file"
    refresh
    assert_failure
    assert_output --partial 'elsewhere/file: a new file can be kept only below'
}

@test "a refresh of this project's tree writes the very files that it was made from" {
    make -s -C "$BUILD" patched-tree
    . "$BUILD_AUX/overlay.sh"
    list_overlay "$TOP" >"$BATS_TEST_TMPDIR/files"
    export LDF_OVERLAY=$BATS_TEST_TMPDIR/copy
    git init -q "$LDF_OVERLAY"
    TREE=$BATS_TEST_TMPDIR/tree
    (cd "$TOP" && xargs -0 -a "$BATS_TEST_TMPDIR/files" cp -P --parents -t "$LDF_OVERLAY")
    SOURCE=$("$BUILD_AUX/fetch-source")
    assemble
    assert_success
    mkdir -p "$LDF_OVERLAY/build-aux"
    cp "$BUILD_AUX/source-revision" "$LDF_OVERLAY/build-aux"
    refresh
    assert_success
    assert_output ''
}

@test "make patch writes one patch that git apply takes on a pristine tree" {
    make -s -C "$BUILD" patch
    mkdir "$BATS_TEST_TMPDIR/libvirt"
    git -C "$BUILD/libvirt" archive pristine | tar -x -C "$BATS_TEST_TMPDIR/libvirt"
    cd "$BATS_TEST_TMPDIR/libvirt"
    GIT_CEILING_DIRECTORIES=$BATS_TEST_TMPDIR run git apply "$BUILD/libvirt-11.3.0-disk-flags.patch"
    assert_success
    run diff -rq --no-dereference --exclude=.git --exclude=_build --exclude=__pycache__ . "$BUILD/libvirt"
    assert_output ''
    assert_success
}

@test "the one patch shows three lines around each change" {
    make_overlay
    assemble
    run "$BUILD_AUX/make-patch" "$TREE" "$BATS_TEST_TMPDIR/one.patch"
    assert_success
    run cat "$BATS_TEST_TMPDIR/one.patch"
    assert_output --partial $'@@ -13,6 +13,7 @@'
    assert_output --partial '+++ b/src/qemu/qemu_new.c'
}
