# shellcheck shell=bash
# build.bash - what the tests of the build tools share

bats_load_library bats-support
bats_load_library bats-assert

TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)
BUILD_AUX=$TOP/build-aux
BUILD=${LDF_BUILD:-$TOP/build}
export TOP BUILD_AUX BUILD

bats_require_minimum_version 1.5.0

# A source tree as small as the tools take, of the version named.
make_source() {
    SOURCE=$BATS_TEST_TMPDIR/source
    mkdir -p "$SOURCE"/{debian/source,src/qemu}
    printf "project(\n  'libvirt', 'c',\n  version: '%s',\n)\n" "$1" >"$SOURCE/meson.build"
    echo '3.0 (native)' >"$SOURCE/debian/source/format"
    seq 1 30 | sed 's/^/line /' >"$SOURCE/src/qemu/qemu_hook.c"
    echo 'untouched' >"$SOURCE/src/qemu/qemu_other.c"
    cat >"$SOURCE/debian/changelog" <<'CHANGELOG'
libvirt (11.3.0-1test) unstable; urgency=medium

  * A source for tests.

 -- Nobody <nobody@localhost>  Sat, 01 Jan 2000 00:00:00 +0000
CHANGELOG
}

# An overlay with one edit and one new file, and the tree of both.
make_overlay() {
    make_source 11.3.0
    TREE=$BATS_TEST_TMPDIR/tree
    export LDF_OVERLAY=$BATS_TEST_TMPDIR/overlay
    git init -q "$LDF_OVERLAY"
    mkdir -p "$LDF_OVERLAY"/{src/qemu,build-aux}
    echo 'new' >"$LDF_OVERLAY/src/qemu/qemu_new.c"
    echo 'not for libvirt' >"$LDF_OVERLAY/build-aux/tool"
    write_edit 'line 15'
    echo 'libvirt 11.3.0-0older' >"$LDF_OVERLAY/build-aux/source-revision"
}

# The edit that puts "hooked" behind line 15, whose context is as given.
write_edit() {
    cat >"$LDF_OVERLAY/src/qemu/qemu_hook.c.patch" <<PATCH
--- a/src/qemu/qemu_hook.c
+++ b/src/qemu/qemu_hook.c
@@ -15,2 +15,3 @@
 $1
+hooked
 line 16
PATCH
}

assemble() {
    run "$BUILD_AUX/assemble-tree" "$@" "$SOURCE" "$TREE"
}

refresh() {
    run "$BUILD_AUX/refresh" "$@" "$TREE"
}

# Puts a command of that name first in PATH.
fake_command() {
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/bash\n%s\n' "$2" >"$BATS_TEST_TMPDIR/bin/$1"
    chmod +x "$BATS_TEST_TMPDIR/bin/$1"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
}
