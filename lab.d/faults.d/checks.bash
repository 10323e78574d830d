# What holds after each case.  HOST is where the guest is now.
# shellcheck shell=bash

# step NAME COMMAND...: fails the case by that name when the command fails.  The
# command stops at the first thing that fails, as in a test.
step() {
    local name=$1 status
    shift
    set +e
    (set -e; "$@") >> "$CASE/said-of-$name" 2>&1
    status=$?
    set -e
    [ "$status" -eq 0 ] || grep -qsx "$name" "$CASE/breached" || echo "$name" >> "$CASE/breached"
}

is_whole() { [ ! -s "$CASE/breached" ]; }

# --- Where the guest is ------------------------------------------------------

word_of_state() {
    local state
    state=$(on "$1" timeout 10 virsh -q domstate demo 2>&1 | xargs)
    case $state in
    running|paused) echo "$state" ;;
    "shut off") echo off ;;
    *"failed to get domain"*|*"Domain not found"*) echo none ;;
    *"failed to connect"*) echo no-libvirtd ;;
    *) echo "${state// /-}" ;;
    esac
}

# outcome: "running/none", the guest's state on a and on b.
outcome() { echo "$(word_of_state a)/$(word_of_state b)"; }

is_outcome_accepted() { [[ ,$MAY_BE, = *",$(outcome),"* ]]; }

host_of() {
    case $1 in
    none/*|*/running) echo b ;;
    *) echo a ;;
    esac
}

# --- The checks --------------------------------------------------------------

# check_guest OUTCOME: one guest runs, or what is left is a state that the table
# allows; it never ran twice.
check_guest() {
    local state host=a
    [[ ,$MAY_BE, = *",$1,"* ]] || fail "the guest is $1; it may be $MAY_BE"
    for state in ${1/\// }; do
        case $state in
        running|paused) assert_equal "$(qemu_count "$host") QEMU on $host" "1 QEMU on $host" ;;
        *) assert_equal "$(qemu_count "$host") QEMU on $host" "0 QEMU on $host" ;;
        esac
        host=b
    done
    check_never_twice
}

check_never_twice() {
    local twice
    twice=$(comm -12 <(numbers a | sort) <(numbers b | sort) | xargs)
    [ -z "$twice" ] || fail "printed on a and on b: $twice"
}

# numbers HOST: "NUMBER SESSION" of each line that the guest printed there; the last
# one may be incomplete yet.
numbers() { sed -nE 's/^N ([0-9]+) ([0-9a-f]{8}) .*/\1 \2/p' "$LDF_LAB/$1/log/demo.serial" 2> /dev/null || :; }

# last_printed HOST: "NUMBER SESSION", the last that must be in the selected disks.
# What a migrated guest printed on either host counts; what it did after the snapshot
# that it is reverted to does not.
last_printed() {
    local session
    if is_migration; then
        session=$(numbers "$1" | awk 'END { print $2 }')
        session=${session:-$(numbers a | awk 'END { print $2 }')}
        { numbers a; numbers b; } | awk -v session="$session" '$2 == session' | sort -n | tail -n 1
    elif [ "$OPERATION" = revert ] && [ "$(word_of_state a)" = off ]; then
        echo "$(cat "$CASE/snapshot-number") $(numbers a | awk 'END { print $2 }')"
    else
        numbers a | tail -n 1
    fi
}

# assert_whole HOST|nbd IMAGE NUMBER SESSION: all stamps from 1 to NUMBER are there.
assert_whole() {
    local first last count file=$LDF_LAB/nbd/$2
    [ "$1" = nbd ] || file=$(image "$1" "$2")
    read -r first last count < <(stamps_in "$file" "$4")
    ((${first:-0} == 1 && count == last && last >= $3)) ||
        fail "$2 on $1 has ${count:-no} stamps, from ${first:-none} to ${last:-none}; the guest printed 1 to $3"
}

stamps_in() { "$ROOT/lab.d/stamps" "$1" | awk -v session="$2" '$1 == session { print $2, $3, $4 }'; }

# check_said: a command that failed says why.
check_said() {
    local said
    [ "$(cat "$CASE/status")" != 0 ] || return 0
    said=$(cat "$CASE/said")
    assert_regex "$said" 'error ?: [^ ]'
    refute_regex "$said" '[<(]null[>)]|cause is unknown|no error$'
}

# check_claimed OUTCOME: what a command that succeeded says is so.
check_claimed() {
    [ "$(cat "$CASE/status")" = 0 ] || return 0
    case $OPERATION in
    migrate*) assert_regex "$1" '/(running|paused|off)$' ;;
    snapshot|live) assert_equal "$(snapshots a)" "earlier s1" ;;
    revert) [ "${1%/*}" != running ] || wait_until 20 has_gone_back ;;
    delete) assert_equal "$(snapshots a)" earlier ;;
    backup)
        # With a QEMU that was killed the backup has ended, too.
        [ "${1%/*}" != running ] || wait_until 30 is_backup_over
        assert_equal "backups of $(backups)" "backups of b c" ;;
    esac
}

# A guest that was reverted prints again what it printed after the snapshot.
has_gone_back() { [ -n "$(numbers a | sort | uniq -d)" ]; }

# check_stamps HOST: no byte of the selected disks is lost.
check_stamps() {
    local number session name
    read -r number session < <(last_printed "$1")
    for name in "${SELECTED[@]}"; do
        assert_whole "$1" "$name" "$number" "$session"
    done
    [ ! -e "$CASE/data" ] || assert_equal "data on $1: $(data_of "$1")" "data on $1: $(cat "$CASE/data")"
}

# check_untouched: the disks that are left out.
check_untouched() {
    local number session first other
    if is_migration; then
        assert_equal "copied beside $COPIED: $(comm -13 <(tr ' ' '\n' <<< "$COPIED") \
            <({ mirrored_disks a; exported_disks b; } | tr ' ' '\n' | sort -u | grep .))" \
            "copied beside $COPIED: "
        for other in a b; do
            assert_equal "d.raw on $other: $(dd if="$(image "$other" d.raw)" bs=1M skip=6 count=1 status=none | tr -d '\0')" \
                "d.raw on $other: image of $other"
        done
        # On a it has what the guest printed there, and no image of b has that; the
        # disk that both hosts reach has all.
        read -r number session < <(numbers a | tail -n 1)
        assert_whole a d.raw "$number" "$session"
        [ "$(boots a b)" -gt "$(boots a)" ] || assert_whole nbd a "$number" "$session"
        read -r first _ < <(stamps_in "$(image b d.raw)" "$session") || :
        [ -z "${first-}" ] || [ "$first" -gt "$number" ] ||
            fail "d.raw on b has stamp $first, that the guest wrote on a"
        return
    fi
    [ "$STOCK" = no ] || return 0
    ! is_backup || assert_equal "backups of others: $(backups | tr -d 'bc ')" "backups of others: "
    assert_equal "e.qcow2:$(qcow2_tags a e.qcow2)" "e.qcow2:"
    number=$(numbers a | awk '{ print $1 }' | sort -n | tail -n 1)
    session=$(numbers a | awk 'END { print $2 }')
    if [ "$(boots a)" -eq 1 ]; then
        assert_whole a d.raw "$number" "$session"
        assert_whole a e.qcow2 "$number" "$session"
    fi
}

# boots HOST...: how many times the guest was started that printed numbers there.  One
# that was started anew writes over what it wrote before.
boots() {
    local host
    for host; do
        numbers "$host"
    done | awk '{ print $2 }' | sort -u | wc -l
}

# check_flags HOST: in the live and in the persistent XML.
check_flags() {
    local live=
    # A guest that was started anew has what is defined.
    ! is_migration || [ "$(numbers a | head -n 1 | cut -d ' ' -f 2)" != "$(numbers "$1" | tail -n 1 | cut -d ' ' -f 2)" ] || live=live
    assert_equal "persistent on $1: $(flags_of_all "$1" --inactive)" "persistent on $1: $(expected_flags)"
    if [ "$(word_of_state "$1")" != off ]; then
        assert_equal "live on $1: $(flags_of_all "$1")" "live on $1: $(expected_flags $live)"
    fi
}

# --- What is left behind -----------------------------------------------------

has_guest() { [[ $(word_of_state "$1") = @(running|paused) ]]; }

check_left_jobs() { ! has_guest "$1" || assert_no_job "$1"; }

check_left_nodes() {
    has_guest "$1" || return 0
    assert_equal "exports on $1: $(ask "$1" query-block-exports | jq -c map\(.id\))" "exports on $1: []"
    assert_equal "nodes on $1: $(ask "$1" query-named-block-nodes |
        jq -c '[.[]["node-name"] | select(startswith("migration-"))]')" "nodes on $1: []"
}

check_left_processes() {
    has_guest "$1" || assert_equal "$(qemu_count "$1") QEMU on $1" "0 QEMU on $1"
    assert_equal "virsh on $1: $(clients_of "$1" | xargs)" "virsh on $1: "
}

check_left_ports() {
    assert_equal "ports of $1: $(on "$1" ss -Htln 'sport >= :49152' | awk '{ print $4 }')" "ports of $1: "
}

# Those of the guest only.  libvirt keeps what it has made for a migration that failed, to
# be copied to, and what it has written of a backup; a blank image for a disk that is to be
# made anew stays only if the guest has come for it.
check_left_images() {
    local names
    names=$({ printf '%s\n' "${DISKS[@]}" | sed -E 's/^[a-z]+=[a-z0-9]+:([^,]*).*/\1/'
        memory_files "$1"
        ! is_backup || find "$(image "$1" .)" -name '[bc].qcow2.[0-9]*' -printf '%f\n'; } | sort)
    if is_migration && [ "$1" = b ] && [ "$(word_of_state b)" = none ] && [ -z "$(numbers b)" ]; then
        names=$(grep -vx e.qcow2 <<< "$names")
    fi
    assert_equal "images on $1: $(comm -23 <(find "$(image "$1" .)" -type f -printf '%f\n' | sort) - <<< "$names")" \
        "images on $1: "
}

# memory_files HOST: of the live snapshots that libvirt knows.
memory_files() {
    local name
    [ "$LIVE_SNAPSHOT" = yes ] || return 0
    for name in $(snapshots "$1"); do
        on "$1" virsh -q snapshot-dumpxml demo "$name" |
            xmllint --xpath 'string(/domainsnapshot/memory/@file)' - | sed 's,.*/,,'
    done
}

ask() { on "$1" virsh -q qemu-monitor-command demo "{\"execute\":\"$2\"}" | jq -c .return; }

# The snapshots that libvirt knows are the ones in the images and those that it has
# files of, and one is current.  Of a deletion that failed the metadata stay, until
# there is nothing left in an image.  A snapshot that failed for want of room may stay
# in the images, where its deletion takes some, if the error says so.
is_left_over() {
    [ "$OPERATION:$FAULT" = live:storage-full ] &&
        grep -q "snapshot 's1' failed, and stays in images" "$CASE/said"
}

check_left_snapshots() {
    local known tags name
    known=$(snapshots a)
    assert_regex "$known" '^(again )?earlier( s1)?$'
    for name in "${SELECTED[@]}"; do
        tags=$(qcow2_tags a "$name" | tr ' ' '\n' | sort | xargs)
        ! is_left_over || tags=${tags% s1}
        if [ "$OPERATION:$known:$tags" != "delete:earlier s1:earlier" ]; then
            assert_equal "$name:$tags" "$name:$known"
        fi
    done
    assert_equal "files: $(metadata_files)" "files: $known"
    assert_equal "$(current a | wc -w) current" "1 current"
    [ "$OPERATION" != revert ] || assert_equal "$known" "earlier s1"
}

# What is not renamed yet when libvirtd is killed is written anew the next time.
metadata_files() {
    find "$LDF_LAB/a/lib/qemu/snapshot/demo" -name '*.xml' -printf '%f\n' | sed 's/\.xml$//' | sort | xargs
}
