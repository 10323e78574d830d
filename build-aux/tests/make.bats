#!/usr/bin/env bats
# How little a second build does, in the build directory as it stands.

setup() {
    load build.bash
}

@test "a second make with nothing changed takes less than five seconds" {
    make -s -C "$BUILD"
    local start=${EPOCHREALTIME/./}
    make -s -C "$BUILD"
    assert [ $((${EPOCHREALTIME/./} - start)) -lt 5000000 ]
}

@test "after an edit of one new C file only what depends on it is rebuilt" {
    make -s -C "$BUILD"
    local file source
    file=$(cd "$TOP" && git ls-files 'src/*.c' | head -n 1)
    source=$(git -C "$BUILD/libvirt" show -s --format=%H pristine)
    assert [ -n "$file" ]

    # The edit goes into a copy of the overlay; its timestamp is put back, so
    # that the tree ends as built as it was.
    . "$BUILD_AUX/overlay.sh"
    list_overlay "$TOP" >"$BATS_TEST_TMPDIR/files"
    local copy=$BATS_TEST_TMPDIR/overlay
    git init -q "$copy"
    (cd "$TOP" && xargs -0 -a "$BATS_TEST_TMPDIR/files" cp -P --parents -t "$copy")
    mkdir "$BATS_TEST_TMPDIR/source"
    git -C "$BUILD/libvirt" archive "$source" | tar -x -C "$BATS_TEST_TMPDIR/source"
    touch -r "$BUILD/libvirt/$file" "$BATS_TEST_TMPDIR/before"

    echo '/* edited */' >>"$copy/$file"
    LDF_OVERLAY=$copy "$BUILD_AUX/assemble-tree" "$BATS_TEST_TMPDIR/source" "$BUILD/libvirt"
    run ninja -C "$BUILD/libvirt/_build" -n
    local would=$output
    make -s -C "$BUILD" patched-tree
    touch -r "$BATS_TEST_TMPDIR/before" "$BUILD/libvirt/$file"

    run grep -c 'Compiling C object' <<<"$would"
    assert_output 1
    run grep 'Compiling C object' <<<"$would"
    assert_output --partial "$(basename "$file").o"
    run ninja -C "$BUILD/libvirt/_build" -n
    assert_output --partial 'no work to do'
}

@test "the stock tree is built with the same options from the same source" {
    make -s -C "$BUILD" stock
    run diff "$BUILD/libvirt/_build/options-used" "$BUILD/stock/_build/options-used"
    assert_success
    assert_equal "$(git -C "$BUILD/stock" rev-parse 'HEAD^{tree}')" "$(git -C "$BUILD/libvirt" rev-parse 'pristine^{tree}')"
    run "$BUILD/stock/_build/tools/virsh" --version
    assert_output 11.3.0
}

@test "other meson options set the tree up again" {
    mkdir -p "$BATS_TEST_TMPDIR/aux" "$BATS_TEST_TMPDIR/tree/_build"
    cp "$BUILD_AUX/build-tree" "$BATS_TEST_TMPDIR/aux"
    fake_command meson 'mkdir -p "$2"; touch "$2/build.ninja"; echo "${@:4}" >>"$BATS_TEST_TMPDIR/set-up"'
    fake_command ninja 'exit 0'
    for options in -Done -Done -Dtwo; do
        printf '# why\n\n%s\n' "$options" >"$BATS_TEST_TMPDIR/aux/meson-options"
        "$BATS_TEST_TMPDIR/aux/build-tree" "$BATS_TEST_TMPDIR/tree"
    done
    run cat "$BATS_TEST_TMPDIR/set-up"
    assert_output $'-Done\n-Dtwo'
}

@test "a build that fails says why and fails" {
    mkdir -p "$BATS_TEST_TMPDIR/tree"
    fake_command meson 'mkdir -p "$2"; touch "$2/build.ninja"'
    fake_command ninja 'echo "[1/2] Compiling"; echo "FAILED: x.o"; echo "x.c:1: wrong"; exit 1'
    run "$BUILD_AUX/build-tree" "$BATS_TEST_TMPDIR/tree"
    assert_failure
    assert_output --partial 'x.c:1: wrong'
    assert_output --partial "$BATS_TEST_TMPDIR/tree does not build"
}

@test "the pages of libvirt that we change are documents that its build takes" {
    local page pages
    pages=$(git -C "$BUILD/libvirt" diff --name-only --diff-filter=d pristine -- '*.rst')
    assert [ -n "$pages" ]
    for page in $pages; do
        run rst2html5 --stylesheet= --strict "$BUILD/libvirt/$page" "$BATS_TEST_TMPDIR/page.html"
        assert_success
        assert_output ''
    done
}
