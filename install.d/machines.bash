# Machines of the installation's tests: `load ../machines` in a test file.
# shellcheck shell=bash disable=SC2154
#
# Two booted Debians, a and b, each with systemd and AppArmor, in QEMU under TCG.  They
# see each other at 192.0.2.2 and .3, and nothing else.  It is QEMU 10.0 that runs them,
# also where they are Debian 12: with two processors, QEMU 7.2 may go on executing an
# instruction that the machine's kernel has replaced (seen: both in int3 for ever, with a
# jump at that address in memory).  /srv has what is installed:
#   /srv/repository   the packages
#   /srv/newer        the same with a higher suffix
#   /srv/debian       Debian's own
#   /srv/guest        kernel and initramfs of the lab's guest
#   /srv/demo.xml     a guest with a shared, a qcow2 and a raw disk
#   /srv/uefi.xml     one with UEFI and a qcow2 disk
#
# Variables (of ./check install):
#   LDF_MACHINE_SYSTEM  which Debian the machines are
#   LDF_MACHINE_ROOT    the directory of the system that the machines are made of
#   LDF_PACKAGES        the build directory of ./package

bats_load_library bats-support
bats_load_library bats-assert

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
MACHINES=$LDF_BUILD/install-$LDF_MACHINE_SYSTEM
declare -gA ADDRESS=([a]=192.0.2.2 [b]=192.0.2.3)

# run_on MACHINE SCRIPT: by bash as root, at most 10 minutes.
run_on() { "$ROOT/install.d/agent" "$MACHINES/$1.agent" --timeout 600 run "set -eo pipefail; $2"; }

# answers MACHINE SECONDS: within them.
answers() { "$ROOT/install.d/agent" "$MACHINES/$1.agent" --timeout "$2" wait 2>/dev/null; }

# wait_on MACHINE SECONDS SCRIPT: until it succeeds there.
wait_on() {
    run_on "$1" "for i in \$(seq $2); do if { $3; } >/dev/null 2>&1; then exit 0; fi; sleep 1; done; exit 1" ||
        fail "$1: not within $2 seconds: $3"
}

tell() { echo "# $*" >&3; }

# flat_repository DIRECTORY ORIGIN RELEASE: of the packages that are in it.
flat_repository() {
    (
        cd "$1" || exit
        dpkg-scanpackages --multiversion . >Packages 2>/dev/null
        printf 'Origin: %s\nLabel: %s\nSuite: %s\nCodename: %s\nDate: %s\nSHA256:\n %s %s Packages\n' \
            "$2" "$2" "$3" "$3" "$(LC_ALL=C date -Ru)" "$(sha256sum <Packages | cut -d' ' -f1)" \
            "$(stat -c %s Packages)" >Release
    )
}

# raise_suffix FROM TO: the packages of one repository with diskflags1 made diskflags2.
raise_suffix() {
    local package scratch
    for package in "$1"/*.deb; do
        scratch=$(mktemp -d)
        dpkg-deb --raw-extract "$package" "$scratch/x"
        sed -i 's/+diskflags1/+diskflags2/g' "$scratch/x/DEBIAN/control"
        dpkg-deb --root-owner-group -Znone --build "$scratch/x" "$2/$(basename "${package/diskflags1/diskflags2}")" >/dev/null
        rm -rf "$scratch"
    done
}

make_data() {
    local data=$MACHINES/data
    rm -rf "$data"
    mkdir -p "$data"/{repository,newer,debian,guest}
    find "$LDF_PACKAGES/repository" -name '*.deb' ! -name '*-dbgsym_*' -exec cp -t "$data/repository" {} +
    cp "$LDF_PACKAGES"/debian/*.deb "$data/debian"
    cp -L "$LDF_BUILD"/guest/{vmlinuz,initrd} "$data/guest"
    raise_suffix "$data/repository" "$data/newer"
    flat_repository "$data/repository" libvirt-disk-flags "$LDF_MACHINE_SYSTEM-disk-flags"
    flat_repository "$data/newer" libvirt-disk-flags "$LDF_MACHINE_SYSTEM-disk-flags"
    flat_repository "$data/debian" Debian "$LDF_MACHINE_SYSTEM"
    "$ROOT/lab.d/guest-xml" demo vda=nbd:shared,shareable vdb=qcow2:demo-vdb.qcow2 vdc=raw:demo-vdc.raw |
        sed "s/192.0.2.1/${ADDRESS[a]}/" >"$data/demo.xml"
    NVRAM=qcow2 "$ROOT/lab.d/guest-xml" uefi vdb=qcow2:uefi-vdb.qcow2 >"$data/uefi.xml"
    mke2fs -q -F -t ext4 -d "$data" "$MACHINES/data.img" 1G
    rm -rf "$data"
}

make_image() {
    mke2fs -q -F -t ext4 -d "$LDF_MACHINE_ROOT" "$MACHINES/root.img" 6G
}

# boot MACHINE: its first end of the link must be there before the second.
boot() {
    local link="stream,id=lan,addr.type=unix,addr.path=$MACHINES/lan"
    [[ $1 != a ]] || link+=,server=on
    qemu-img create -q -f qcow2 -F raw -b "$MACHINES/root.img" "$MACHINES/$1.qcow2"
    qemu-system-x86_64 -name "$1" -uuid "$(cat /proc/sys/kernel/random/uuid)" -accel tcg -cpu max \
        -smp 2 -m 2G -display none -nodefaults -no-user-config \
        -kernel "$(echo "$LDF_MACHINE_ROOT"/boot/vmlinuz-*)" -initrd "$(echo "$LDF_MACHINE_ROOT"/boot/initrd.img-*)" \
        -append "root=/dev/vda rw console=ttyS0 quiet apparmor=1 security=apparmor" \
        -drive "file=$MACHINES/$1.qcow2,if=virtio,format=qcow2,cache=unsafe" \
        -drive "file=$MACHINES/data.img,if=virtio,format=raw,readonly=on" \
        -device virtio-serial -chardev "socket,id=agent,path=$MACHINES/$1.agent,server=on,wait=off" \
        -device virtserialport,chardev=agent,name=org.qemu.guest_agent.0 \
        -netdev "$link" -device "virtio-net,netdev=lan,mac=02:00:c0:00:02:0${ADDRESS[$1]##*.}" \
        -serial "file:$MACHINES/$1.console" -pidfile "$MACHINES/$1.pid" -daemonize 3>&-
}

await() {
    answers "$1" 300 || {
        tail -n 20 "$MACHINES/$1.console" >&3
        fail "$1 does not boot"
    }
}

# furnish MACHINE: what an administrator has set up before.
furnish() {
    run_on "$1" "
        hostname $1; echo $1 >/etc/hostname
        printf '127.0.0.1 localhost\n%s a\n%s b\n' ${ADDRESS[a]} ${ADDRESS[b]} >/etc/hosts
        printf '[Match]\nType=ether\n[Network]\nAddress=${ADDRESS[$1]}/24\n' >/etc/systemd/network/lan.network
        systemctl enable --now systemd-networkd
        echo '/dev/vdb /srv ext4 ro 0 0' >>/etc/fstab
        mount /srv
        rm -f /etc/apt/sources.list /etc/apt/sources.list.d/* /usr/sbin/policy-rc.d
        echo 'deb [trusted=yes] file:/srv/debian ./' >/etc/apt/sources.list.d/debian.list
        mkdir -p /root/.ssh /var/lib/libvirt/boot
        cp /srv/guest/* /var/lib/libvirt/boot/
        systemctl start libvirtd
        virsh -q pool-define-as images dir --target /var/lib/libvirt/images
        virsh -q pool-autostart images
        virsh -q pool-start images" >/dev/null
}

# In setup_file.
machines_up() {
    mkdir -p "$MACHINES"
    machines_down
    rm -f "$MACHINES"/*
    make_data
    make_image
    tell "the image is made"
    boot a
    boot b
    await a
    await b
    tell "both machines are up"
    furnish a
    furnish b
    # a's root may log in to b, as for qemu+ssh.
    run_on a "ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519; ssh-keyscan b >/root/.ssh/known_hosts 2>/dev/null"
    run_on b "echo '$(run_on a 'cat /root/.ssh/id_ed25519.pub')' >/root/.ssh/authorized_keys"
    run_on a 'ssh -o BatchMode=yes b true'
}

# In teardown_file.
machines_down() {
    local pid file
    for file in "$MACHINES"/[ab].pid; do
        [[ -s $file ]] || continue
        pid=$(<"$file")
        [[ $(readlink "/proc/$pid/exe" 2>/dev/null) != *qemu-system* ]] || kill "$pid"
    done
    rm -f "$MACHINES"/[ab].pid
}
