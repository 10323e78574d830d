# The XML of many disks.  Sourced by the measurements.
# shellcheck shell=bash

# name_disk INDEX: sets "name" to what libvirt calls that SCSI disk: sda, ..., sdall.
name_disk() {
    local letters=abcdefghijklmnopqrstuvwxyz rest=$(($1 + 1))
    name=
    while ((rest > 0)); do
        name=${letters:(rest - 1) % 26:1}$name
        rest=$(((rest - 1) / 26))
    done
    name=sd$name
}

# many_disks NUMBER IMAGE [ELEMENTS [ATTRIBUTES]]: a controller with raw disks,
# IMAGE-sda.raw and so on, each with ELEMENTS in it and ATTRIBUTES on it.  They
# hang on one virtio-scsi controller, so that the guest has the same hardware
# for each disk that it gets.
many_disks() {
    local index name
    echo "<controller type='scsi' index='0' model='virtio-scsi'/>"
    for ((index = 0; index < $1; index++)); do
        name_disk "$index"
        cat <<EOF
<disk type='file' device='disk'${4-}>
  <driver name='qemu' type='raw' cache='none'/>
  <source file='$2-$name.raw'/>
  <target dev='$name' bus='scsi'/>
  ${3-}
  <address type='drive' controller='0' bus='0' target='$((index / 4))' unit='$((index % 4))'/>
</disk>
EOF
    done
}
