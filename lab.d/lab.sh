# Functions of ./lab.  Sourced after build-aux/common.sh.
# shellcheck shell=bash

LAB=$(realpath -m "${LDF_LAB:-$LDF_BUILD/lab}")

# The documentation range: no real network has it, and the hosts see no other.
declare -A ADDRESS=([a]=192.0.2.2 [b]=192.0.2.3)
NBD_PORT=10809

wrong_usage() {
    echo "lab: $* (see ./lab --help)" >&2
    exit 2
}

# distinct WORD...: how many different words.
distinct() { printf '%s\n' "$@" | sort -u | grep -c .; }

is_host() { [ "$1" = a ] || [ "$1" = b ]; }

is_stock() { [[ $1 == @(trixie|bookworm|sid|pristine) ]]; }

# wait_for SECONDS COMMAND...: true as soon as COMMAND is.
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.02
    done
}

# One change of a lab at a time.  The kernel drops the lock with the last
# process that has it, so it is never left behind.
lab_lock() {
    mkdir -p "$LAB"
    exec 9> "$LAB/lock"
    flock --nonblock 9 || {
        echo "lab: waiting for another ./lab that changes $LAB" >&2
        flock --timeout 120 9 || ldf_die "$LAB is still being changed by another ./lab"
    }
}

# --- Processes: holders ------------------------------------------------------

# The processes that hold this lab's namespaces.  They are found by what their
# environment says, not by a record: a record can be missing (interrupted) or
# name a process that is another one by now.
holder_pids() {
    grep -lzxF "LDF_LAB_HOLDER=$LAB" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 || :
}

is_gone() {
    local state
    state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) || return 0
    [ "$state" = Z ] || [ -z "$state" ]
}

is_buried() { [ ! -e "/proc/$1" ]; }

# The process id of the first process of a, b or lan; fails when it is not there.
holder() {
    local pid
    read -r pid 2>/dev/null < "$LAB/$1/pid" || return 1
    grep -qzxF "LDF_LAB_HOLDER=$LAB" "/proc/$pid/environ" 2>/dev/null || return 1
    echo "$pid"
}

# start_holder NAME [ADDRESS]
start_holder() {
    mkdir -p "$LAB/$1"
    # The lock is closed only after the process can be found as a holder, so
    # that "down" cannot slip in between.
    # shellcheck disable=SC2016 # expanded by the inner shell
    LDF_LAB_HOLDER=$LAB setsid bash -c 'exec 9>&-; exec unshare "$@"' bash \
        --fork --kill-child --pid --mount --net --uts --ipc \
        "$LDF_TOP/lab.d/holder" "$LAB" "$@" \
        < /dev/null >> "$LAB/$1/holder.log" 2>&1 &
    disown
}

await_holder() {
    wait_for 20 holder "$1" > /dev/null ||
        ldf_die "$1 did not start: $(tail -n 1 "$LAB/$1/holder.log")"
}

# --- Hosts -------------------------------------------------------------------

# What a host runs: "patched", "pristine", or the Debian whose packages it has.
libvirt_of() { cat "$LAB/$1/libvirt"; }

described() {
    case $(libvirt_of "$1") in
    patched) echo "patched libvirt" ;;
    *) echo "stock libvirt ($(libvirt_of "$1"))" ;;
    esac
}

# The build tree of the libvirt that a host runs; nothing where it is packages.
build_of() {
    case $(libvirt_of "$1") in
    patched) echo "${LDF_BUILD_PATCHED:-$LDF_BUILD/libvirt/_build}" ;;
    pristine) echo "${LDF_BUILD_STOCK:-$LDF_BUILD/stock/_build}" ;;
    esac
}

# The directory of the Debian that a host runs in; nothing where it is this system.
root_of() {
    case $(libvirt_of "$1") in
    trixie|bookworm|sid) "$LDF_TOP/build-aux/make-system" "stock-$(libvirt_of "$1")" ;;
    esac
}

# build_libvirt HOST=STOCK...: has what the hosts run built, unless it is given
# ready-made.
build_libvirt() {
    local trees=()
    if [ -z "${LDF_BUILD_PATCHED-}" ] && [ "$(distinct "${@%%=*}")" -lt 2 ]; then
        trees+=(patched)
    fi
    if [ -z "${LDF_BUILD_STOCK-}" ] && [[ " $* " == *=pristine\ * ]]; then
        trees+=(pristine)
    fi
    if [ ${#trees[@]} -gt 0 ]; then
        ldf_build "${trees[@]}"
    fi
}

# Sets ENTER to the words that, before a command, run it on the host.
enter_host() {
    local pid build
    pid=$(holder "$1") || ldf_die "the lab is not up; start it with: ./lab up"
    build=$(build_of "$1")
    ENTER=(nsenter --target "$pid" --mount --uts --ipc --net --pid)
    if [ -n "$build" ]; then
        ENTER+=(
            --wdns="$PWD"
            env -u LDF_LAB_HOLDER
            PATH="$build/tools:$LDF_TOP/lab.d:$PATH"
            LD_LIBRARY_PATH="$build/src${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
            LIBVIRT_DIR_OVERRIDE=1
        )
    else
        ENTER+=(
            --wdns="$LDF_TOP"
            env -u LDF_LAB_HOLDER -u LD_LIBRARY_PATH -u LIBVIRT_DIR_OVERRIDE
            PATH="$LDF_TOP/lab.d:$PATH"
        )
    fi
    ENTER+=(LIBVIRT_DEFAULT_URI=qemu:///system XDG_CACHE_HOME=/run/user-cache)
}

on_host() {
    local ENTER
    enter_host "$1"
    shift
    "${ENTER[@]}" "$@" 9>&-
}

# The process id, as the host knows it, of its libvirtd; fails when none runs.
libvirtd_pid() {
    # shellcheck disable=SC2016 # expanded on the host
    on_host "$1" sh -c '
        pid=$(cat /run/libvirtd.pid) &&
        case $(readlink /proc/$pid/exe) in */libvirtd) echo "$pid" ;; *) false ;; esac
    ' 2>/dev/null
}

start_libvirtd() {
    local build
    build=$(build_of "$1")
    if libvirtd_pid "$1" > /dev/null; then
        ldf_die "libvirtd of $1 runs already"
    fi
    on_host "$1" "${build:+$build/src/}libvirtd" --daemon --listen --pid-file /run/libvirtd.pid \
        < /dev/null > "$LAB/$1/log/libvirtd.out" 2>&1 ||
        ldf_die "libvirtd of $1 did not start; its log is $LAB/$1/log/libvirtd.log:
$(tail -n 5 "$LAB/$1/log/libvirtd.out" "$LAB/$1/log/libvirtd.log")"
}

# stop_libvirtd HOST SIGNAL
stop_libvirtd() {
    local pid
    pid=$(libvirtd_pid "$1") || ldf_die "no libvirtd runs on $1; start it with: ./lab start $1"
    on_host "$1" kill -s "$2" "$pid"
    # shellcheck disable=SC2016 # expanded on the host
    on_host "$1" timeout 30 sh -c 'while [ -e "/proc/$1" ]; do sleep 0.02; done' sh "$pid" ||
        ldf_die "libvirtd of $1 (process $pid there) does not end"
}

configure_host() {
    local host=$1 uuid
    uuid=$(cat /proc/sys/kernel/random/uuid)
    mkdir -p "$LAB/$host"/{etc/qemu/networks,etc/storage/autostart,lib/images,log}

    cat > "$LAB/$host/etc/libvirtd.conf" <<EOF
host_uuid = "$uuid"
listen_tls = 0
listen_tcp = 1
listen_addr = "${ADDRESS[$host]}"
auth_tcp = "none"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_filters = "1:qemu.qemu_monitor 1:qemu.qemu_migration 1:qemu.qemu_agent 3:*"
log_outputs = "1:file:/var/log/libvirt/libvirtd.log"
EOF
    # Everything that a machine may lack or forbid is off: security drivers,
    # private /dev, cgroups, extended attributes, virtlogd.
    cat > "$LAB/$host/etc/qemu.conf" <<EOF
user = "root"
group = "root"
security_driver = "none"
namespaces = []
cgroup_controllers = []
remember_owner = 0
stdio_handler = "file"
migration_address = "${ADDRESS[$host]}"
migration_host = "${ADDRESS[$host]}"
EOF
    # Migration makes the target images of the disks that it copies in this pool.
    cat > "$LAB/$host/etc/storage/images.xml" <<EOF
<pool type='dir'>
  <name>images</name>
  <uuid>$(cat /proc/sys/kernel/random/uuid)</uuid>
  <source/>
  <target>
    <path>/var/lib/libvirt/images</path>
  </target>
</pool>
EOF
    ln -s /etc/libvirt/storage/images.xml "$LAB/$host/etc/storage/autostart/images.xml"
}

connect_host() {
    local lan pid
    lan=$(holder lan)
    pid=$(holder "$1")
    nsenter --target "$lan" --net ip link add name "host-$1" type veth peer name eth0 netns "$pid"
    nsenter --target "$lan" --net ip link set "host-$1" master lab up
    nsenter --target "$pid" --net ip address add "${ADDRESS[$1]}/24" dev eth0
    # The same for whoever takes the host's place, so that its peers need not find out.
    nsenter --target "$pid" --net ip link set eth0 address "02:00:c0:00:02:0${ADDRESS[$1]##*.}" up
}

# link_host HOST cut|heal: takes its port out of the bridge and puts it back.  The
# host's own link stays up, as with a cable that is cut behind the switch.
link_host() {
    local lan
    lan=$(holder lan) || ldf_die "the lab is not up; start it with: ./lab up"
    case $2 in
    cut) nsenter --target "$lan" --net ip link set "host-$1" nomaster ;;
    heal) nsenter --target "$lan" --net ip link set "host-$1" master lab ;;
    esac
}

start_nbdkit() {
    # Every file of the directory is an export of its own.
    nsenter --target "$(holder lan)" --mount --uts --ipc --net --pid --wdns="$PWD" \
        nbdkit --pidfile "$LAB/lan/nbdkit.pid" --ipaddr 192.0.2.1 --port "$NBD_PORT" \
        file dir="$LAB/nbd" < /dev/null >> "$LAB/lan/nbdkit.log" 2>&1 9>&- ||
        ldf_die "nbdkit did not start: $(tail -n 1 "$LAB/lan/nbdkit.log")"
}

# The guest that a person plays with.
define_demo() {
    truncate -s 32M "$LAB/nbd/demo-vda"
    on_host a qemu-img create -q -f qcow2 /var/lib/libvirt/images/demo-vdb.qcow2 64M
    truncate -s 64M "$LAB/a/lib/images/demo-vdc.raw"
    truncate -s 32M "$LAB/a/lib/images/demo-vdd.raw"
    "$LDF_TOP/lab.d/guest-xml" demo vda=nbd:demo-vda,shareable vdb=qcow2:demo-vdb.qcow2 \
        vdc=raw:demo-vdc.raw vdd=raw:demo-vdd.raw > "$LAB/demo.xml"
    on_host a virsh -q define "$LAB/demo.xml" > /dev/null
}

# --- Commands ----------------------------------------------------------------

lab_is_up() { [ -e "$LAB/up" ] && holder lan > /dev/null && holder a > /dev/null && holder b > /dev/null; }

refuse_if_up() {
    if lab_is_up; then
        ldf_die "the lab in $LAB is up already; end it with: ./lab down"
    fi
}

# prepare_host HOST KIND: its files, and its first process, which is not waited for.
prepare_host() {
    local host=$1 tree
    mkdir -p "$LAB/$host"
    echo "$2" > "$LAB/$host/libvirt"
    tree=$(build_of "$host")
    [ -z "$tree" ] || [ -x "$tree/src/libvirtd" ] ||
        ldf_die "$tree is no build of libvirt: it has no src/libvirtd"
    root_of "$host" > "$LAB/$host/root"
    configure_host "$host"
    start_holder "$host" "${ADDRESS[$host]}"
}

# kind_of HOST STOCK...: what was given for it with --stock.
kind_of() {
    local kind=patched given
    for given in "${@:2}"; do
        [ "${given%%=*}" != "$1" ] || kind=${given#*=}
    done
    echo "$kind"
}

# lab_up yes|no STOCK...: the first says whether the guest is defined.
lab_up() {
    local with_guest=$1 host
    shift
    refuse_if_up
    end_processes
    find "$LAB" -mindepth 1 -maxdepth 1 ! -name lock -exec rm -rf {} +

    # Whatever stops "up" takes down what it has made, after those that were just
    # being started have let go of the lock and can be found.
    trap 'exec 9>&-; lab_lock; end_processes; exit 130' INT TERM HUP
    trap '[ -e "$LAB/up" ] || end_processes' EXIT

    "$LDF_TOP/lab.d/guest/build" "$LDF_BUILD/guest"
    ln -s "$LDF_BUILD/guest" "$LAB/guest"
    mkdir -p "$LAB/nbd"
    printf '%s\n' "127.0.0.1 localhost" "${ADDRESS[a]} a" "${ADDRESS[b]} b" > "$LAB/hosts"

    start_holder lan
    for host in a b; do
        prepare_host "$host" "$(kind_of "$host" "$@")"
    done
    await_holder lan
    start_nbdkit
    for host in a b; do
        await_holder "$host"
        connect_host "$host"
    done
    # libvirtd asks each QEMU what it can do when it starts: side by side.
    start_libvirtd a & local first=$!
    start_libvirtd b
    wait "$first"
    for host in a b; do
        await_libvirtd "$host"
    done
    if [ "$with_guest" = yes ]; then
        define_demo
    fi
    touch "$LAB/up"
    echo "lab: up; a has $(described a), b has $(described b)"
}

await_libvirtd() {
    on_host "$1" virsh -q pool-info images > /dev/null ||
        ldf_die "libvirtd of $1 does not answer; its log is $LAB/$1/log/libvirtd.log"
}

# replace_host HOST KIND: ends the host with all that runs there, and starts another
# one in its place.
replace_host() {
    local pid
    lab_is_up || ldf_die "the lab is not up; start it with: ./lab up"
    pid=$(holder "$1")
    kill_all "$pid"
    wait_for 10 is_buried "$pid" || :
    rm -rf "${LAB:?}/$1"
    prepare_host "$1" "$2"
    await_holder "$1"
    connect_host "$1"
    start_libvirtd "$1"
    await_libvirtd "$1"
    echo "lab: $1 has $(described "$1")"
}

# Kills the processes and waits until they are gone.
kill_all() {
    local pid
    [ $# -gt 0 ] || return 0
    kill -KILL "$@" 2>/dev/null || :
    for pid in "$@"; do
        wait_for 30 is_gone "$pid" || ldf_die "process $pid of the lab does not end"
    done
}

# Ends the holders; the kernel then ends everything in their namespaces.
end_processes() {
    local pid name firsts=() rest=()
    for pid in $(holder_pids); do
        read -r name 2>/dev/null < "/proc/$pid/comm" || continue
        [ "$name" = unshare ] || firsts+=("$pid")
    done
    # An "unshare" ends by itself when it has buried its child; killed together
    # with it, it would leave the child a zombie until the machine's init looks.
    kill_all "${firsts[@]}"
    for pid in "${firsts[@]}"; do
        wait_for 1 is_buried "$pid" || :
    done
    mapfile -t rest < <(holder_pids)
    kill_all "${rest[@]}"
}

lab_down() {
    rm -f "$LAB/up"
    end_processes
    rm -f "$LAB"/*/pid
    echo "lab: down"
}

lab_status() {
    local host pid
    if ! lab_is_up; then
        if [ -n "$(holder_pids)" ]; then
            echo "lab: half up; end it with: ./lab down"
        else
            echo "lab: down"
        fi
        return
    fi
    echo "lab: up in $LAB"
    for host in a b; do
        printf '%s: %s, %s, ' "$host" "${ADDRESS[$host]}" "$(described "$host")"
        if pid=$(libvirtd_pid "$host"); then
            echo "libvirtd runs (process $pid there)"
            on_host "$host" virsh -q list --all | sed 's/^ *[0-9-]* */    /'
        else
            echo "libvirtd does not run; start it with: ./lab start $host"
        fi
    done
    echo "nbd: nbd://192.0.2.1:$NBD_PORT/NAME serves the files of $LAB/nbd"
}
