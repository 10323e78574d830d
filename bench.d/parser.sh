# Instructions of parsing and formatting a domain with 1,000 disks.  Sourced
# after measure.sh.
# shellcheck shell=bash

# shellcheck source=bench.d/callgrind.sh
. "$LDF_TOP/bench.d/callgrind.sh"
# shellcheck source=bench.d/disks.sh
. "$LDF_TOP/bench.d/disks.sh"

# The words that libvirt's own build compiles its QEMU driver with: optimised
# the same, and with the headers of the tree that is measured.
words_of_build() {
    jq -r '.[] | select(.file | endswith("/qemu/qemu_conf.c")) | .command' "$1/compile_commands.json" |
        tr ' ' '\n' | grep -E '^-(I|D_|std=|O|DIN_LIBVIRT$)'
}

# make_parser ours|stock: compiles parse.c against that tree.
make_parser() {
    local build words libraries
    build=$(build_of_side "$1")
    mapfile -t words < <(words_of_build "$build")
    ((${#words[@]})) || ldf_die "$build/compile_commands.json does not say how qemu_conf.c is compiled"
    read -ra libraries < <(pkg-config --libs glib-2.0)
    mkdir -p "$BENCH_SCRATCH/parse/$1"
    (cd "$build" && gcc "${words[@]}" -o "$BENCH_SCRATCH/parse/$1/parse" "$LDF_TOP/bench.d/parse.c" \
        -Lsrc -l:libvirt_driver_qemu.so -lvirt "${libraries[@]}")
}

make_parsers() {
    make_parser ours
    make_parser stock
    make_plain_strings
}

# domain_of_disks FILE [ELEMENTS [ATTRIBUTES]]: with 1,000 of them.
domain_of_disks() {
    {
        cat <<'EOF'
<domain type='qemu'>
  <name>many</name>
  <uuid>00000000-0000-4000-8000-000000000001</uuid>
  <memory unit='MiB'>96</memory>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
  </os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
EOF
        many_disks 1000 /var/lib/libvirt/images/many "${@:2}"
        echo "</devices></domain>"
    } >"$1"
}

# instructions ours|stock FILE OUTPUT [PRELOAD]: of parsing FILE and formatting
# it; OUTPUT gets the XML.
instructions() {
    local directory=$BENCH_SCRATCH/parse/$1 build
    build=$(build_of_side "$1")
    mkdir -p "$directory/state"
    # The first run asks QEMU what it can do, for seconds; later ones know.
    [[ -d $directory/state/capabilities ]] ||
        LD_LIBRARY_PATH=$build/src LIBVIRT_DIR_OVERRIDE=1 "$directory/parse" "$directory/state" "$2" >/dev/null
    LD_LIBRARY_PATH=$build/src LIBVIRT_DIR_OVERRIDE=1 LD_PRELOAD=${4-} \
        valgrind --quiet --log-file="$directory/valgrind.log" --tool=callgrind --callgrind-out-file="$directory/callgrind" \
        --toggle-collect=measured "$directory/parse" "$directory/state" "$2" >"$3"
    [[ $(grep -c '<disk ' "$3") == 1000 ]] || ldf_die "$2 came out of the parser without its 1000 disks"
    instructions_in "$directory/callgrind"
}
