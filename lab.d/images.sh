# The images of a lab's guests.  Sourced by the tests and the benchmarks, with
# LDF_LAB set.
# shellcheck shell=bash

# image HOST NAME: where the host's image lies on the machine.
image() { echo "$LDF_LAB/$1/lib/images/$2"; }

# make_images HOST DISK...: empty images for the disks; those on NBD are shared.
make_images() {
    local host=$1 disk rest format image
    shift
    for disk in "$@"; do
        rest=${disk#*=}
        rest=${rest%%,*}
        format=${rest%%:*}
        image=${rest#*:}
        case $format in
        nbd) [ -e "$LDF_LAB/nbd/$image" ] || truncate -s "${DISK_SIZE:-8M}" "$LDF_LAB/nbd/$image" ;;
        raw) truncate -s "${DISK_SIZE:-8M}" "$(image "$host" "$image")" ;;
        qcow2) qemu-img create -q -f qcow2 "$(image "$host" "$image")" "${DISK_SIZE:-8M}" ;;
        esac
    done
}
