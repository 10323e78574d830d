#!/usr/bin/env bats
# ./bench: what it makes of samples, and that it measures at all.

setup() {
    load build.bash
    export LDF_BUILD_PATCHED=${LDF_BUILD_PATCHED:-$BUILD/libvirt/_build}
    export LDF_BUILD_STOCK=${LDF_BUILD_STOCK:-$BUILD/stock/_build}
    SAMPLES=$BATS_TEST_TMPDIR/samples
    OUT=$BATS_TEST_TMPDIR/out
    echo '{"commit": "0123456789abcdef", "date": "2000-01-01", "qemu": "7.2", "kernel": "Linux"}' >"$BATS_TEST_TMPDIR/facts"
}

teardown() {
    LDF_LAB=$BATS_TEST_TMPDIR/build/bench/lab-pause "$TOP/lab" down
}

# row GOAL: one row of the measurement "walk".
row() {
    echo '{"measurement": "walk", "row": "walk", "title": "walking", "unit": "seconds", "goal": '"$1"',
        "ours": "boots", "ours_is": "ours", "base": "socks", "base_is": "stock"}'
}

# samples SERIES VALUE...: one of each round.
samples() {
    local series=$1 round=0 value
    shift
    for value in "$@"; do
        round=$((round + 1))
        echo '{"measurement": "walk", "series": "'"$series"'", "round": '"$round"', "value": '"$value"'}'
    done
}

report() { "$TOP/bench.d/report" "$BATS_TEST_TMPDIR/facts" "$SAMPLES" "$OUT"; }

result() { jq -c "$1" "$OUT.json"; }

@test "bench --help names every measurement, and nothing else is measured" {
    local file names
    names=$(for file in "$TOP"/bench.d/measurements/*.sh; do basename "$file" .sh; done | sort | xargs)
    run -0 "$TOP/bench" --help
    assert_equal "$(sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p' <<<"$output" | sort | xargs)" "$names"
    assert_equal "$(sed -n 's/^measurements=(\(.*\))/\1/p' "$TOP/bench" | tr ' ' '\n' | sort | xargs)" "$names"
}

@test "bench refuses what it does not know, and a number of runs that is none" {
    run -2 "$TOP/bench" parse swim
    assert_output "bench: no measurement is named 'swim' (see ./bench --help)"
    run -2 "$TOP/bench" --runs 0
    assert_output --partial "--runs needs a number from 1 on"
}

@test "a ratio above the goal is told as missed, in the table, below it and by the exit status" {
    { row 1.02; samples boots 1.03; samples socks 1; } >"$SAMPLES"
    run -3 report
    assert_line --regexp '^\| walk +\| walking +\| 1\.03 s +\| 1\.00 s stock +\| 1\.030 +\| .* ≤ 1\.02 +\| MISSED +\|$'
    assert_line "goal missed: walk"
    assert_equal "$(result '.rows[0].verdict')" '"missed"'
}

@test "a ratio that is the goal meets it" {
    { row 1.5; samples boots 3; samples socks 2; } >"$SAMPLES"
    run -0 report
    assert_line --regexp ' 1\.500 .* met +\|$'
    refute_output --partial "missed"
}

@test "a row without a goal misses none" {
    { row null; samples boots 3; samples socks 1; } >"$SAMPLES"
    run -0 report
    assert_line --regexp ' 3\.000 .* - +\| no goal +\|$'
}

@test "the ratio is the median of the ratios within each round, whatever order they come in" {
    { samples socks 1 3 10 | tac; row null; samples boots 1 9 5; } >"$SAMPLES"
    run -0 report
    assert_equal "$(result '.rows[0] | [.ratios, .ratio, .ours.median, .base.median]')" '[[1,3,0.5],1,5,3]'
}

@test "of an even number of rounds the median is between the two in the middle" {
    { row null; samples boots 1 2 3 5; samples socks 1 1 1 1; } >"$SAMPLES"
    run -0 report
    assert_equal "$(result '.rows[0].ratio')" 2.5
}

@test "the interval of the median is that of the sign test, of few rounds all of them" {
    local rising level
    { row null; samples boots 1 2 3; samples socks 1 1 1; } >"$SAMPLES"
    run -0 report
    assert_equal "$(result '.rows[0].interval')" '[1,3]'
    # 60 rounds: the 22nd and the 39th
    mapfile -t rising < <(seq 1 60)
    mapfile -t level < <(yes 1 | head -n 60)
    { row null; samples boots "${rising[@]}"; samples socks "${level[@]}"; } >"$SAMPLES"
    run -0 report
    assert_equal "$(result '.rows[0].interval')" '[22,39]'
}

@test "a goal within the interval is told as unclear, whichever side the median is on" {
    { row 1.02; samples boots 1.01 1 1.03; samples socks 1 1 1; } >"$SAMPLES"
    run -4 report
    assert_line --regexp ' UNCLEAR +\|$'
    assert_line "not told by these rounds, take more (--runs): walk"
    { row 1.02; samples boots 1.03 1 1.03; samples socks 1 1 1; } >"$SAMPLES"
    run -4 report
    refute_output --partial "goal missed"
}

@test "the JSON has every sample, the goal, and what was measured on what" {
    { row 1.02; samples boots 2 1; samples socks 4 3; } >"$SAMPLES"
    run -0 report
    assert_equal "$(result '.rows[0] | [.ours.samples, .base.samples, .goal, .unit]')" '[[2,1],[4,3],1.02,"seconds"]'
    assert_equal "$(result '[.commit, .qemu, .kernel]')" '["0123456789abcdef","7.2","Linux"]'
}

@test "a measurement that failed is told, and what it had measured gives no ratio" {
    { row 1.02; samples boots 1; samples socks 1; echo '{"measurement": "walk", "failed": true}'; } >"$SAMPLES"
    run -1 report
    assert_line --regexp '\| FAILED +\|$'
    assert_line "failed, see above: walk"
    assert_equal "$(result '[.failed, .rows[0].ratio]')" '[["walk"],null]'
    [ ! -e "$OUT.png" ]
}

@test "the picture is a PNG" {
    { row 1.02; samples boots 1 2; samples socks 1 2; } >"$SAMPLES"
    run -0 --separate-stderr report
    assert_equal "$stderr" ""
    assert_equal "$(head -c 8 "$OUT.png" | od -An -tx1 | xargs)" "89 50 4e 47 0d 0a 1a 0a"
}

@test "pauses of live snapshots have a picture of their own, and other rows none" {
    { row 1.02; samples boots 1 2; samples socks 1 2; } >"$SAMPLES"
    run -0 report
    [ ! -e "$OUT.pause.png" ]
    { row null | sed 's/"row": "walk"/"row": "live-8"/'; samples boots 8000 9000; samples socks 8000 9000; } >"$SAMPLES"
    run -0 --separate-stderr report
    assert_equal "$stderr" ""
    assert_equal "$(head -c 8 "$OUT.pause.png" | od -An -tx1 | xargs)" "89 50 4e 47 0d 0a 1a 0a"
}

@test "bench measures the two builds in turns, and leaves no lab behind" {
    export LDF_BUILD=$BATS_TEST_TMPDIR/build
    # A lab that is left behind must not keep bats waiting.
    run "$TOP/bench" --runs 1 --results "$BATS_TEST_TMPDIR/results" pause 3>&-
    assert_line --partial "written: $BATS_TEST_TMPDIR/results/latest.json"
    # How long the pause is depends on what else runs; that there is one does not.
    assert_equal "$(jq -c '[.rows[] | [.row, (.ours.samples + .base.samples | map(. > 1000))]]' "$BATS_TEST_TMPDIR/results/latest.json")" \
        '[["pause",[true,true]],["pause-one",[true,true]],["pause-rest",[true,true]],["pause-ten",[true,true]],["pause-ten-rest",[true,true]]]'
    assert_equal "$(jq -r '.libvirt.ours, .libvirt.stock' "$BATS_TEST_TMPDIR/results/latest.json" | xargs)" "11.3.0 11.3.0"
    assert_equal "$(LDF_LAB=$LDF_BUILD/bench/lab-pause "$TOP/lab" status)" "lab: down"
}

@test "each round begins with another series, and every other one goes backwards" {
    run bash -c '. "$TOP/bench.d/measure.sh" 2>/dev/null; walk() { echo "$2 $1"; }; in_turns 4 walk a b c 2>/dev/null'
    assert_output "$(printf '%s\n' "1 a" "1 b" "1 c" "2 b" "2 a" "2 c" "3 c" "3 a" "3 b" "4 a" "4 c" "4 b")"
}

@test "a bench that is ended takes its lab down" {
    export LDF_BUILD=$BATS_TEST_TMPDIR/build
    local lab=$LDF_BUILD/bench/lab-pause pid i status=0
    "$TOP/bench" --results "$BATS_TEST_TMPDIR/results" pause >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
    pid=$!
    for ((i = 0; i < 600; i++)); do
        [[ ! -e $lab/up ]] || break
        sleep 0.1
    done
    assert [ -e "$lab/up" ]
    kill -TERM "$pid"
    wait "$pid" || status=$?
    assert_equal "$status" 130
    assert_equal "$(LDF_LAB=$lab "$TOP/lab" status)" "lab: down"
    run -1 pgrep --full "$BATS_TEST_TMPDIR/build"
}

@test "the reference result is of files as they were committed, in as many rounds as ./bench wants" {
    local reference=$TOP/bench.d/results/reference.json name rounds
    assert_regex "$(jq -r .commit "$reference")" '^[0-9a-f]{40}$'
    for name in $(jq -r '.rows[].measurement' "$reference" | sort -u); do
        rounds=$(sed -n 's/^in_turns \([0-9]*\) .*/\1/p' "$TOP/bench.d/measurements/$name.sh")
        assert_equal "$name: $(jq -c --arg name "$name" '[.rows[] | select(.measurement == $name) | .ratios | length] | unique' "$reference")" \
            "$name: [$rounds]"
    done
}

@test "the table in BENCHMARKING.md is that of the reference result, which has every measurement" {
    local reference=$TOP/bench.d/results/reference.json
    assert_equal "$(grep -A 100 '^| name ' "$TOP/BENCHMARKING.md" | sed '/^|/!Q')" "$(jq -r -f "$TOP/bench.d/table.jq" "$reference")"
    assert_equal "$(jq -r '.rows[].measurement' "$reference" | sort -u | xargs)" \
        "$(for file in "$TOP"/bench.d/measurements/*.sh; do basename "$file" .sh; done | sort | xargs)"
}
