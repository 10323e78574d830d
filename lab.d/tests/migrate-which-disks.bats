#!/usr/bin/env bats
# Which disks a storage migration copies: each case in each way to migrate,
# judged by the QMP commands sent on both hosts, by the images and by the
# guest's running number.

bats_require_minimum_version 1.5.0
load lab

setup_file() { lab_setup_file; }
teardown_file() { lab_teardown_file; }
setup() { lab_setup; }
teardown() { lab_teardown; }

# migrates WAY STORAGE: a guest whose disk vda is shared over NBD and whose
# vdb, vdc and vdd are local, with the OPTIONS of each, must move with just
# $copied copied.
declare -gA options
copied=
migrate_options=()

declare -gA file=([vdb]=b.qcow2 [vdc]=c.raw [vdd]=d.raw)

migrates() {
    local way=$1 storage=$2 disk disks=() with=() without=()
    for disk in vda=nbd:vda,shareable vdb=qcow2:b.qcow2 vdc=raw:c.raw vdd=raw:d.raw; do
        disks+=("$disk${options[${disk%%=*}]:+,${options[${disk%%=*}]}}")
    done
    define_guest a "${disks[@]}"
    start_guest a

    for disk in vdb vdc vdd; do
        if [[ " $copied " == *" $disk "* ]]; then
            with+=("${file[$disk]}")
        else
            without+=("${file[$disk]}")
        fi
    done
    # Without a copy the image is the user's matter; an incremental copy needs
    # them all.
    for disk in "${disks[@]:1}"; do
        if [ "$storage" = inc ] || [[ " $copied " != *" ${disk%%=*} "* ]]; then
            make_images b "$disk"
        fi
    done

    [ ${#without[@]} -eq 0 ] || migrate_options+=(--unsafe)
    if [ "${options[xml]-}" ]; then
        on a virsh dumpxml --migratable demo > "$BATS_TEST_TMPDIR/other.xml"
        # shellcheck disable=SC2086 # TARGET NAME VALUE, repeated
        printf '%s %s %s\n' ${options[xml]} | while read -r target name value; do
            set_flag "$BATS_TEST_TMPDIR/other.xml" "$target" "$name" "$value"
        done
        migrate_options+=(--xml "$BATS_TEST_TMPDIR/other.xml")
    fi

    [ "${migrate_options[0]-}" = --migrate-disks ] || assert_equal "$(planned_copies a)" "$copied"

    mark
    run -0 migrate a b "$way" "--copy-storage-$storage" "${migrate_options[@]}"

    assert_copied a b "$copied"
    assert_equal "$(qmp a blockdev-mirror | jq -r .arguments.sync | sort -u)" \
        "$([ -z "$copied" ] || { [ "$storage" = all ] && echo full || echo top; })"
    assert_guest_went_on a b
    assert_images_copied a b "${with[@]}"
    assert_images_not_copied a b "${without[@]}"
}

default() {
    copied="vdb vdc vdd"
    migrates "$@"
}
one_false() {
    options=([vdc]="migrate=false")
    copied="vdb vdd"
    migrates "$@"
    assert_equal "$(flags_of b vdc)" "migrate=false"
}
true_on_shareable() {
    options=([vdd]="shareable,migrate=true")
    copied="vdb vdc vdd"
    migrates "$@"
    assert_equal "$(flags_of b vdd)" "migrate=true"
}
all_false() {
    options=([vda]="migrate=false" [vdb]="migrate=false" [vdc]="migrate=false" [vdd]="migrate=false")
    copied=
    migrates "$@"
}
listed() {
    options=([vdb]="migrate=true" [vdc]="migrate=false")
    migrate_options=(--migrate-disks vdc)
    copied=vdc
    migrates "$@"
    assert_equal "$(flags_of b vdb) $(flags_of b vdc)" "migrate=true migrate=false"
}
xml_with_other_flags() {
    options=([vdc]="migrate=false" [xml]="vdb migrate false vdc migrate true")
    copied="vdb vdd"
    migrates "$@"
    assert_equal "$(flags_of b vdb) $(flags_of b vdc)" "migrate=false migrate=true"
}

@test "without flags every disk that is not shareable is copied (managed, all)" { default managed all; }
@test "without flags every disk that is not shareable is copied (managed, inc)" { default managed inc; }
@test "without flags every disk that is not shareable is copied (p2p, all)" { default p2p all; }
@test "without flags every disk that is not shareable is copied (p2p, inc)" { default p2p inc; }

@test "migrate=false leaves out one disk (managed, all)" { one_false managed all; }
@test "migrate=false leaves out one disk (managed, inc)" { one_false managed inc; }
@test "migrate=false leaves out one disk (p2p, all)" { one_false p2p all; }
@test "migrate=false leaves out one disk (p2p, inc)" { one_false p2p inc; }

@test "migrate=true copies even a shareable disk (managed, all)" { true_on_shareable managed all; }
@test "migrate=true copies even a shareable disk (managed, inc)" { true_on_shareable managed inc; }
@test "migrate=true copies even a shareable disk (p2p, all)" { true_on_shareable p2p all; }
@test "migrate=true copies even a shareable disk (p2p, inc)" { true_on_shareable p2p inc; }

@test "with migrate=false on all disks nothing is copied and no NBD server runs (managed, all)" { all_false managed all; }
@test "with migrate=false on all disks nothing is copied and no NBD server runs (managed, inc)" { all_false managed inc; }
@test "with migrate=false on all disks nothing is copied and no NBD server runs (p2p, all)" { all_false p2p all; }
@test "with migrate=false on all disks nothing is copied and no NBD server runs (p2p, inc)" { all_false p2p inc; }

@test "--migrate-disks overrides the flags (managed, all)" { listed managed all; }
@test "--migrate-disks overrides the flags (managed, inc)" { listed managed inc; }
@test "--migrate-disks overrides the flags (p2p, all)" { listed p2p all; }
@test "--migrate-disks overrides the flags (p2p, inc)" { listed p2p inc; }

@test "flags that only --xml has do not decide what is copied (managed, all)" { xml_with_other_flags managed all; }
@test "flags that only --xml has do not decide what is copied (managed, inc)" { xml_with_other_flags managed inc; }
@test "flags that only --xml has do not decide what is copied (p2p, all)" { xml_with_other_flags p2p all; }
@test "flags that only --xml has do not decide what is copied (p2p, inc)" { xml_with_other_flags p2p inc; }
