#!/usr/bin/env bats
# The packages on two booted Debians: each test goes on where the one before it ended.

bats_require_minimum_version 1.5.0
load ../machines

setup_file() {
    machines_up
}

teardown_file() {
    if [[ ${LDF_KEEP_MACHINES-} != yes ]]; then
        machines_down
        rm -f "$MACHINES"/*.img "$MACHINES"/*.qcow2
    fi
}

setup() {
    [[ ! -e $MACHINES/hangs ]] || fail "machine $(<"$MACHINES/hangs") has not answered since a test before"
}

teardown() {
    local machine
    [[ -n ${BATS_TEST_COMPLETED-} || -e $MACHINES/hangs ]] || for machine in a b; do
        if answers "$machine" 60; then
            run_on "$machine" "journalctl --no-pager -b -n 2000; dmesg" >"$MACHINES/$machine.journal" 2>&1 || :
        else
            echo "$machine" >"$MACHINES/hangs"
        fi
    done
}

# --- The guest ---------------------------------------------------------------

# qemu_pid MACHINE: of the guest.
qemu_pid() { run_on "$1" 'cat /run/libvirt/qemu/demo.pid'; }

# assert_goes_on MACHINE: the guest writes two more numbers, whichever: the first may
# have been on its way.
assert_goes_on() {
    local count
    count=$(run_on "$1" "grep -c '^N ' /var/log/libvirt/demo.serial || :")
    wait_on "$1" 120 "test \$(grep -c '^N ' /var/log/libvirt/demo.serial) -ge $((count + 2))"
}

# assert_stamps_go_on MACHINE: the same by what it writes to a disk.  Debian 12's packages
# stop virtlogd, which has the serial line, when they change places with newer ones.
assert_stamps_go_on() {
    local image=/var/lib/libvirt/images/demo-vdc.raw sum
    sum=$(run_on "$1" "sha256sum <$image")
    wait_on "$1" 120 "test \"\$(sha256sum <$image)\" != '$sum'"
}

state() { run_on "$1" 'virsh -q domstate demo' | xargs; }

flags() { run_on "$1" "virsh dumpxml demo ${2-} | xmllint --xpath 'count(//disk/flags/*)' -"; }

denials() { run_on "$1" "journalctl --no-pager -k | grep -o 'apparmor=\"DENIED\".*' | grep -oE '(operation|profile|name|requested_mask)=\"[^\"]*\"' | sed -E 's/libvirt-[0-9a-f-]{36}/libvirt-UUID/' | sort -u || :"; }

# use_repository MACHINE NAME: the packages there, beside Debian's own.
use_repository() {
    run_on "$1" "echo 'deb [trusted=yes] file:/srv/$2 ./' >/etc/apt/sources.list.d/libvirt-disk-flags.list; apt-get -q update" >/dev/null
}

version() { run_on "$1" "dpkg-query -W -f '\${Version}' $2 2>/dev/null || :"; }

@test "1. Debian's own libvirt runs a guest with a qcow2, a raw and a shared disk" {
    run_on a '
        cd /var/lib/libvirt/images
        truncate -s 16M demo-vdc.raw /var/tmp/shared
        qemu-img create -q -f qcow2 demo-vdb.qcow2 16M
        printf "[Unit]\nAfter=systemd-networkd-wait-online.service\nBefore=libvirt-guests.service\n[Service]\nExecStart=qemu-nbd --persistent --shared 8 --bind 192.0.2.2 --port 10809 --export-name shared --format raw /var/tmp/shared\n[Install]\nWantedBy=multi-user.target\n" >/etc/systemd/system/shared.service
        systemctl enable --now shared
        virsh -q define /srv/demo.xml
        virsh -q start demo' >/dev/null
    wait_on a 300 "grep -q '^N 2 ' /var/log/libvirt/demo.serial"
    assert_equal "$(version a libvirt-disk-flags)" ""
    denials a >"$MACHINES/denials-of-stock"
}

install_on() {
    use_repository "$1" repository
    run_on "$1" 'apt-get -q -y install libvirt-disk-flags'
}

@test "2. the packages are installed while the guest runs, and it does not stop" {
    local pid daemon machine
    pid=$(qemu_pid a)
    daemon=$(run_on a 'systemctl show -P MainPID libvirtd')
    install_on b >"$MACHINES/installed-b" 2>&1 &
    run install_on a
    assert_success
    wait $!
    for machine in a b; do
        [[ $(version "$machine" libvirt0) == *+diskflags1* ]]
    done
    assert_equal "$(qemu_pid a), $(state a)" "$pid, running"
    [[ $(run_on a 'virsh -q list >/dev/null; systemctl show -P MainPID libvirtd') != "$daemon" ]]
    assert_goes_on a
}

@test "3. what Debian's libvirt started has flags and a snapshot of a subset without a restart" {
    run_on a 'virsh -q domblkflags demo vda vdc --snapshot false; virsh -q snapshot-create-as demo before; virsh -q snapshot-delete demo before'
    assert_goes_on a
    run_on a 'virsh -q domblkflags demo vda vdc --snapshot default'
}

@test "4. virsh edit sets flags, and the guest runs confined, as libvirt-qemu" {
    local pid
    run_on a 'printf "#!/bin/sh\nsed -i -e \"/<target dev=.vda./a <flags><snapshot>false</snapshot></flags>\" -e \"/<target dev=.vdc./a <flags><migrate>false</migrate><snapshot>false</snapshot></flags>\" \"\$1\"\n" >/root/editor
        chmod 755 /root/editor
        EDITOR=/root/editor virsh -q edit demo
        virsh -q destroy demo
        truncate -s 0 /var/log/libvirt/demo.serial
        virsh -q start demo' >/dev/null
    assert_equal "$(flags a)" 3
    pid=$(qemu_pid a)
    run run_on a "cat /proc/$pid/attr/apparmor/current; stat -c %U /proc/$pid"
    assert_line --regexp '^libvirt-[0-9a-f-]+ \(enforce\)$'
    assert_line libvirt-qemu
    wait_on a 300 "grep -q '^N 2 ' /var/log/libvirt/demo.serial"
}

@test "5. a snapshot of the flagged subset is taken, reverted to and deleted, confined" {
    run_on a 'virsh -q snapshot-create-as demo s1; qemu-img snapshot -U -l /var/lib/libvirt/images/demo-vdb.qcow2' >"$MACHINES/said"
    run cat "$MACHINES/said"
    assert_output --partial s1
    assert_goes_on a
    run_on a 'virsh -q snapshot-revert demo s1; virsh -q snapshot-delete demo s1; test -z "$(virsh -q snapshot-list demo --name)"' >/dev/null
    assert_equal "$(state a)" running
    assert_goes_on a
}

@test "6. a live snapshot is taken, reverted to and deleted, confined" {
    if [[ $LDF_MACHINE_SYSTEM == bookworm ]]; then
        # QEMU 7.2 knows the system call only
        run run_on a 'virsh -q snapshot-create-as demo l1 --live'
        assert_failure
        assert_output --partial 'vm.unprivileged_userfaultfd=1'
        assert_goes_on a
        run_on a 'sysctl -q -w vm.unprivileged_userfaultfd=1'
    fi
    run_on a 'virsh -q snapshot-create-as demo l1 --live; test -s /var/lib/libvirt/images/demo-vdb.l1.save' >/dev/null
    assert_goes_on a
    run_on a 'virsh -q snapshot-revert demo l1; virsh -q snapshot-delete demo l1; test ! -e /var/lib/libvirt/images/demo-vdb.l1.save' >/dev/null
    assert_equal "$(state a)" running
    assert_goes_on a
}

@test "7. the same of a UEFI guest, whose variables are in a qcow2 image" {
    run_on a 'cd /var/lib/libvirt/images
        qemu-img create -q -f qcow2 uefi-vdb.qcow2 16M
        qemu-img convert -O qcow2 /usr/share/OVMF/OVMF_VARS_4M.fd nvram.qcow2
        virsh -q define /srv/uefi.xml
        virsh -q start uefi' >/dev/null
    # while the firmware runs: the kernel behind it takes minutes here
    run_on a 'cd /var/lib/libvirt/images
        virsh -q snapshot-create-as uefi s1
        virsh -q snapshot-create-as uefi l1 --live
        for image in uefi-vdb nvram; do qemu-img snapshot -U -l $image.qcow2 | grep -c "[sl]1 "; done
        virsh -q snapshot-revert uefi s1
        virsh -q snapshot-revert uefi l1
        virsh -q domstate uefi
        virsh -q snapshot-delete uefi s1
        virsh -q snapshot-delete uefi l1
        for image in uefi-vdb nvram; do qemu-img snapshot -U -l $image.qcow2 | grep -c "[sl]1 " || :; done' >"$MACHINES/said"
    run grep -xE '[0-9]|running' "$MACHINES/said"
    assert_output "$(printf '%s\n' 2 2 running 0 0)"
    run_on a 'virsh -q destroy uefi; virsh -q undefine uefi --nvram; rm /var/lib/libvirt/images/uefi-vdb.qcow2' >/dev/null
}

# migrate FROM TO managed|p2p: over SSH, as an administrator does.
migrate() {
    local how=
    [[ $3 == managed ]] || how=--p2p
    run_on "$1" "virsh -q migrate --live $how --persistent --undefinesource --copy-storage-all --unsafe demo qemu+ssh://$2/system"
}

# first_stamps MACHINE: which of the guest's images there have its first stamp.
first_stamps() {
    local session
    session=$(run_on "$1" "sed -n 's/^N [0-9]* \([^ ]*\).*/\1/p' /var/log/libvirt/demo.serial | tail -n 1")
    run_on "$1" "cd /var/lib/libvirt/images; grep -al 'STAMP 1 $session' demo-* | xargs"
}

@test "8. a guest migrates peer-to-peer over SSH, with the disks that its flags say" {
    run_on b 'truncate -s 16M /var/lib/libvirt/images/demo-vdc.raw'
    assert_equal "$(first_stamps a)" "demo-vdb.qcow2 demo-vdc.raw"
    migrate a b p2p
    assert_equal "$(state b)" running
    assert_goes_on b
    assert_equal "$(first_stamps b)" demo-vdb.qcow2
    assert_equal "$(run_on b 'stat -c %U /var/lib/libvirt/images/demo-vdb.qcow2'), $(flags b)" "libvirt-qemu, 3"
}

@test "9. it migrates back, managed, and its flags come along" {
    run_on b 'test -f /root/.ssh/id_ed25519 || ssh-keygen -q -t ed25519 -N "" -f /root/.ssh/id_ed25519; ssh-keyscan a >/root/.ssh/known_hosts 2>/dev/null'
    run_on a "echo '$(run_on b 'cat /root/.ssh/id_ed25519.pub')' >>/root/.ssh/authorized_keys; rm -f /var/lib/libvirt/images/demo-vdb.qcow2; virsh -q pool-refresh images"
    migrate b a managed
    assert_goes_on a
    assert_equal "$(state a), $(flags a)" "running, 3"
}

@test "10. the flags are there after libvirtd was restarted, and after the machine was" {
    local boot
    run_on a 'systemctl restart libvirtd; virsh -q list >/dev/null'
    assert_equal "$(state a), $(flags a)" "running, 3"
    assert_goes_on a
    boot=$(run_on a 'cat /proc/sys/kernel/random/boot_id')
    run_on a 'printf "ON_BOOT=start\nON_SHUTDOWN=suspend\n" >>/etc/default/libvirt-guests; systemctl enable --now libvirt-guests; systemctl --no-block reboot'
    for _ in {1..180}; do
        [[ $("$ROOT/install.d/agent" "$MACHINES/a.agent" --timeout 15 run 'cat /proc/sys/kernel/random/boot_id' 2>/dev/null) == @("$boot"|"") ]] || break
        sleep 1
    done
    [[ $(run_on a 'cat /proc/sys/kernel/random/boot_id') != "$boot" ]]
    wait_on a 300 'test "$(virsh -q domstate demo)" = running'
    assert_equal "$(flags a), $(flags a --inactive)" "3, 3"
    assert_goes_on a
}

@test "11. a rebuilt package is an upgrade while the guest runs" {
    local pid
    pid=$(qemu_pid a)
    use_repository a newer
    run run_on a 'apt-get -q -y upgrade'
    assert_success
    [[ $(version a libvirt-disk-flags) == *+diskflags2* && $(version a libvirt-daemon-driver-qemu) == *+diskflags2* ]]
    assert_equal "$(qemu_pid a), $(state a), $(flags a)" "$pid, running, 3"
    assert_goes_on a
}

@test "12. apt keeps libvirt back when Debian has a newer one, and says so" {
    # a whole set of packages that fit together, as Debian's do
    run_on a '
        mkdir -p /var/tmp/security
        stock=$(grep -A9 "^Package: libvirt0$" /srv/debian/Packages | sed -n "s/^Version: //p")
        sed "s/${stock//./\\.}/99.0.0-1/g" /srv/debian/Packages >/var/tmp/security/Packages
        printf "Origin: Debian\nLabel: Debian\nSuite: stable-security\nDate: %s\nSHA256:\n %s %s Packages\n" \
            "$(LC_ALL=C date -Ru)" "$(sha256sum </var/tmp/security/Packages | cut -d" " -f1)" "$(stat -c %s /var/tmp/security/Packages)" >/var/tmp/security/Release
        echo "deb [trusted=yes] file:/var/tmp/security ./" >/etc/apt/sources.list.d/security.list
        apt-get -q update' >/dev/null
    local how
    for how in upgrade dist-upgrade; do
        run run_on a "apt-get --simulate -q $how"
        assert_success
        # but for an empty package that Debian 12 had and nothing needs any more
        refute_output --regexp 'Inst libvirt(0|-common|-clients|-daemon|-daemon-driver-[a-z]*|-daemon-system) '
        refute_output --regexp 'Remv libvirt'
        assert_output --regexp '(kept back|Not upgrading)'
        assert_output --partial libvirt0
    done
    # it is this package that keeps it back
    run run_on a "apt-get --simulate -q --allow-remove-essential dist-upgrade libvirt-disk-flags-"
    assert_success
    assert_output --regexp 'Inst libvirt0 .*99\.0\.0-1'
    run_on a 'rm /etc/apt/sources.list.d/security.list; apt-get -q update' >/dev/null
}

# commands_of_readme MACHINE WORDS: those that follow the paragraph with WORDS, run as they
# stand there, by somebody who says yes to all.
commands_of_readme() {
    local commands
    commands=$(awk -v words="$2" '
        index($0, words) { found = 1 }
        found && /^    / { print; printed = 1; next }
        printed { exit }' "$ROOT/README.md")
    [[ -n $commands ]] || fail "README has no commands after '$2'"
    run_on "$1" "echo 'APT::Get::Assume-Yes \"true\";' >/etc/apt/apt.conf.d/yes; $commands"
}

@test "13. it is removed while the guest runs: the definitions are kept, and stock libvirt manages the guest" {
    local pid
    pid=$(qemu_pid a)
    run_on a 'rm /etc/apt/sources.list.d/libvirt-disk-flags.list'
    run commands_of_readme a '**How it leaves.**'
    assert_success
    assert_output --partial "demo"
    assert_output --partial "/var/backups/libvirt-disk-flags"
    assert_output --partial "vdc: migrate --copy-storage-all copies it"
    # of what Debian 12 does not have the configuration stays, as apt leaves it
    assert_equal "$(run_on a "dpkg-query -W -f '\${db:Status-Abbrev} \${Version}\n' | grep -c '^ii.*diskflags' || :")" 0
    run_on a 'test ! -e /usr/libexec/libvirt-disk-flags'
    if [[ $LDF_MACHINE_SYSTEM == bookworm ]]; then
        goes_back_to_9_0 "$pid"
    else
        assert_equal "$(qemu_pid a), $(state a), $(flags a)" "$pid, running, 0"
    fi
    assert_stamps_go_on a
    run_on a 'virsh -q suspend demo; virsh -q resume demo'
}

# goes_back_to_9_0 PID: libvirt 9.0 cannot read what 11.3 has written down of the guest
# that runs, as README says; its own files are back after they are installed again.
goes_back_to_9_0() {
    assert_output --partial "The domain 'demo' runs, and libvirt 9.0.0"
    assert_output --partial "Do not start it again"
    assert_equal "$(state a)" "shut off"
    run_on a "readlink /proc/$1/exe" | grep -q qemu-system
    commands_of_readme a '**On Debian 12**' >/dev/null
    run_on a "dpkg -V \$(dpkg-query -W -f '\${db:Status-Abbrev} \${Package}\n' 'libvirt*' | sed -n 's/^ii *//p') | grep -vE ' c |/usr/share/man' || :" >"$MACHINES/said"
    assert_equal "$(<"$MACHINES/said")" ""
    run_on a "kill $1; while kill -0 $1; do sleep 1; done 2>/dev/null; virsh -q start demo"
    assert_equal "$(state a), $(flags a)" "running, 0"
}

@test "14. installed again, the kept definition brings the flags back" {
    use_repository a newer
    run_on a 'apt-get -q -y install libvirt-disk-flags' >/dev/null
    # libvirtd has found the guest by then: until it has, destroy ends it, and fails
    assert_stamps_go_on a
    assert_equal "$(state a)" running
    run_on a 'virsh -q destroy demo; virsh -q define /var/backups/libvirt-disk-flags/demo.xml' >/dev/null
    assert_equal "$(flags a --inactive)" 3
}

@test "15. nothing was denied by AppArmor that stock has not denied" {
    local machine
    for machine in a b; do
        denials "$machine" >"$MACHINES/denials"
        run comm -13 "$MACHINES/denials-of-stock" "$MACHINES/denials"
        assert_output ""
    done
}
