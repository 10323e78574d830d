# Faults.  inject breaks something while the operation is held in its phase, lets go
# of what holds it, and makes whole what was broken, without helping the guest.
# shellcheck shell=bash

inject() {
    local host=${FAULT#*-}
    host=${host%%-*}
    case $FAULT in
    libvirtd-?-killed)
        "$ROOT/lab" stop "$host" --kill
        let_go
        "$ROOT/lab" start "$host" ;;
    libvirtd-?-restarted)
        # It ends only when its threads do, so what holds them goes first.
        local pid
        pid=$(process_of "$host" libvirtd)
        kill -TERM "$pid"
        let_go
        wait_until 45 is_dead "$pid"
        "$ROOT/lab" start "$host" ;;
    qemu-?-killed)
        kill -KILL "$(process_of "$host" qemu)"
        let_go ;;
    both-a-killed)
        "$ROOT/lab" stop a --kill
        kill -KILL "$(process_of a qemu)"
        let_go
        "$ROOT/lab" start a ;;
    # QEMU fails for want of space, and nobody hears of it while that lasts.
    storage-full-unheard)
        fill_storage
        freeze a libvirtd
        thaw a qemu
        wait_until 20 is_work_done
        "$ROOT/lab" stop a --kill
        let_go
        "$ROOT/lab" start a
        wait_until 20 is_answered a query-jobs
        rm "$(image a filler)" ;;
    image-damaged)
        "$FAULTS/damage" "$(image a c.qcow2)" > "$CASE/undamaged"
        let_go
        wait_until 30 is_operation_over
        "$FAULTS/damage" "$(image a c.qcow2)" "$(cat "$CASE/undamaged")" > /dev/null ;;
    link-cut)
        "$ROOT/lab" cut b
        let_go
        # Both ends notice by keepalive, or wait for the link.
        wait_until 15 is_operation_over > /dev/null || :
        "$ROOT/lab" heal b ;;
    storage-full)
        fill_storage
        let_go
        # At 1 MiB/s QEMU copies 16 MiB at once and then nothing for 16 seconds.
        wait_until 30 is_operation_over > /dev/null || :
        rm "$(image "$(storage_host)" filler)" ;;
    esac
}

let_go() {
    thaw_all
    [ ! -e "$CASE/holder" ] || kill "$(cat "$CASE/holder")" 2> /dev/null || :
    rm -f "$CASE/holder"
}

# Whatever goes on may do so at full speed now.
await_end() {
    if ! is_operation_over && is_migration; then
        on a timeout 10 virsh -q migrate-setspeed demo 1000 > /dev/null 2>&1 || :
    fi
    wait_until 60 is_operation_over
}
