# What the measurements share.  Each is a program of its own that prints JSON,
# one object a line: what it compares with what, and its samples.  What it is
# doing it tells on standard error.
# shellcheck shell=bash

set -euo pipefail
shopt -s inherit_errexit

# shellcheck source=build-aux/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../build-aux/common.sh"

ours_build=${LDF_BUILD_PATCHED:-$LDF_BUILD/libvirt/_build}
stock_build=${LDF_BUILD_STOCK:-$LDF_BUILD/stock/_build}
# The lab takes what is built, and so does not build while something is timed.
export LDF_BUILD_PATCHED=$ours_build LDF_BUILD_STOCK=$stock_build
export BENCH_SCRATCH=$LDF_BUILD/bench

# build_of_side ours|stock
build_of_side() {
    case $1 in
        ours) echo "$ours_build" ;;
        stock) echo "$stock_build" ;;
    esac
}

# compare ROW TITLE UNIT GOAL OURS TEXT BASE TEXT: one row of the table: the
# samples of the series OURS in relation to those of BASE, each described by the
# TEXT after it.  GOAL is the highest good ratio, or null.
compare() {
    jq -nc --arg row "$1" --arg title "$2" --arg unit "$3" --argjson goal "$4" \
        --arg ours "$5" --arg ours_is "$6" --arg base "$7" --arg base_is "$8" \
        '{$row, $title, $unit, $goal, $ours, $ours_is, $base, $base_is}'
}

# sample SERIES ROUND VALUE
sample() {
    jq -nc --arg series "$1" --argjson round "$2" --argjson value "$3" '{$series, $round, $value}'
}

# in_turns ROUNDS COMMAND SERIES...: runs "COMMAND SERIES ROUND" for each series
# in each round.  Each round begins with another series, and every other one goes
# backwards, so that what slows the machine down for a while, what comes first and
# what comes after what is spread evenly.
in_turns() {
    local rounds=${BENCH_RUNS:-$1} command=$2 round turn step all
    shift 2
    all=("$@")
    for ((round = 1; round <= rounds; round++)); do
        ldf_say "$(basename "$0" .sh): round $round of $rounds"
        for ((turn = 0; turn < ${#all[@]}; turn++)); do
            step=$((round % 2 ? turn : ${#all[@]} - turn))
            "$command" "${all[(round - 1 + step) % ${#all[@]}]}" "$round"
        done
    done
}
