#!/bin/bash
# What libvirtd does from its start until it answers, and to end.
. "$(dirname "${BASH_SOURCE[0]}")/../measure.sh"
# shellcheck source=bench.d/callgrind.sh
. "$LDF_TOP/bench.d/callgrind.sh"
# shellcheck source=bench.d/lab.sh
. "$LDF_TOP/bench.d/lab.sh"

compare start "start libvirtd with 1,000 guests" instructions 1.01 ours "ours" stock "stock"

make_plain_strings
make_lab start --stock b=pristine

# What virsh define makes of a guest, a thousand times, the same on both hosts.
# Defining it also has QEMU asked what it can do, which is not to be counted.
for host in a b; do
    "$LDF_TOP/lab.d/guest-xml" guest vda=nbd:shared vdb=qcow2:b.qcow2 vdc=raw:c.raw vdd=raw:d.raw |
        define "$host"
    "$LDF_TOP/lab" stop "$host"
done
mv "$LDF_LAB/a/etc/qemu/guest.xml" "$BENCH_SCRATCH/guest.xml"
rm "$LDF_LAB/b/etc/qemu/guest.xml"
for ((number = 0; number < 1000; number++)); do
    uuid=$(printf '00000000-0000-4000-8000-%012d' "$number")
    sed -e "s,<name>.*</name>,<name>guest$number</name>," -e "s,<uuid>.*</uuid>,<uuid>$uuid</uuid>," \
        "$BENCH_SCRATCH/guest.xml" >"$LDF_LAB/a/etc/qemu/guest$number.xml"
done
cp "$LDF_LAB"/a/etc/qemu/guest*.xml "$LDF_LAB/b/etc/qemu/"

# libvirtd accepts a connection when every driver has loaded what it has.  With more
# than one arena of memory, how much free() does differs from start to start.
# shellcheck disable=SC2016 # expanded on the host
start_and_stop='
    set -e
    GLIBC_TUNABLES=glibc.malloc.arena_max=1 \
        valgrind --quiet --log-file=/var/log/libvirt/valgrind.log --tool=callgrind \
        --callgrind-out-file=/var/log/libvirt/callgrind "$1/src/libvirtd" --pid-file /run/libvirtd.pid &
    deadline=$((SECONDS + 300))
    until [ -S /run/libvirt/libvirt-sock ]; do
        [ "$SECONDS" -lt "$deadline" ]
        sleep 0.1
    done
    virsh -q list --all --name | grep -c guest
    kill $!
    wait $!'

measure() {
    local host build count
    case $1 in
        ours) host=a ;;
        stock) host=b ;;
    esac
    build=$(build_of_side "$1")
    count=$(LD_PRELOAD=$plain_strings on "$host" bash -c "$start_and_stop" bash "$build")
    [[ $count == 1000 ]] || ldf_die "libvirtd of $1 has loaded $count guests, not 1000"
    sample "$1" "$2" "$(instructions_in "$LDF_LAB/$host/log/callgrind")"
}

in_turns 3 measure ours stock
