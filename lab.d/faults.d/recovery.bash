# How the guest is brought back, and the operation that has to succeed then.
# shellcheck shell=bash

# What an administrator does to have the guest run, on the host where it then is.
recover() {
    case $1 in
    off/none) [ "$OPERATION" = revert ] || on a virsh -q start demo ;;
    paused/running)
        on a virsh -q destroy demo
        on a virsh -q undefine demo ;;
    off/running) on a virsh -q undefine demo ;;
    none/off) on b virsh -q start demo ;;
    paused/none) on a virsh -q resume demo ;;
    none/paused) on b virsh -q resume demo ;;
    esac
}

# goes_on HOST NUMBER: also when the guest stood still because its storage was full.
goes_on() {
    [[ $FAULT != storage-full* ]] || [ "$(state_of "$1")" != paused ] || on "$1" virsh -q resume demo
    numbers "$1" | tail -n 1 | grep -qvx "$2"
}

await_guest() { wait_until 30 goes_on "$1" "$(numbers "$1" | tail -n 1)"; }

# The same operation again, from where the guest is.
repeat() {
    local from=$1 to=b snapshot=s1 COMMAND
    case $OPERATION in
    migrate*)
        if [ "$from" = b ]; then
            to=a
            # A disk that is made anew finds no image of the same name.
            rm -f "$(image a e.qcow2)"
            on a virsh -q pool-refresh images
        fi
        mark ;;
    snapshot|live)
        ! is_left_over || snapshot=again
        [ "$(snapshots a)" = earlier ] || snapshot=again ;;
    delete)
        [ "$(snapshots a)" != earlier ] || take_s1 ;;
    backup)
        wait_until 30 is_backup_over
        find "$(image a .)" -name '?.qcow2.[0-9]*' -delete ;;
    esac
    operation_command "$from" "$to" "$snapshot"
    run_again
    case $OPERATION in
    migrate*)
        assert_copied "$from" "$to" "$COPIED"
        assert_guest_went_on_after "$from" "$to"
        check_flags "$to"
        check_stamps "$to" ;;
    snapshot|live)
        assert_regex "$(qcow2_tags a b.qcow2),$(qcow2_tags a c.qcow2)" " $snapshot,.* $snapshot\$" ;;
    revert)
        await_guest a
        assert_equal "$(current a)" s1
        check_stamps a ;;
    delete)
        assert_equal "$(snapshots a):$(qcow2_tags a b.qcow2):$(qcow2_tags a c.qcow2)" earlier:earlier:earlier ;;
    backup)
        wait_until 30 is_backup_over
        assert_equal "backups of $(backups)" "backups of b c" ;;
    esac
}

# A deletion may name a remedy, which is followed.
run_again() {
    timeout 90 "$ROOT/lab" "${COMMAND[@]}" > "$CASE/said-again" 2>&1 && return
    cat "$CASE/said-again"
    grep -q "delete the snapshot again while the domain is shut off" "$CASE/said-again"
    on a virsh -q destroy demo
    "$ROOT/lab" "${COMMAND[@]}"
}

assert_guest_went_on_after() {
    wait_until 20 went_past "$2" "$(numbers "$1" | tail -n 1)"
}

# went_past HOST "NUMBER SESSION"
went_past() {
    local number session
    read -r number session < <(numbers "$1" | tail -n 1) || return 1
    [ "$session" = "${2#* }" ] && [ "$number" -gt "${2% *}" ]
}
