# The rows of the table, from what the measurements printed; each object has the
# name of its measurement by now, and one that failed has said so.
#
# Usage: jq -s -f summary.jq SAMPLES
#
# The ratio of a row is the median of the ratios within each round, so that what
# slows the machine down for a while touches both sides of it.  The verdict says
# what the rounds say of the goal for certain.

def quantile($part):
    sort | ((length - 1) * $part) as $at | ($at | floor) as $below |
    .[$below] + ($at - $below) * ((.[$below + 1] // .[$below]) - .[$below]);

def median: if length == 0 then null else quantile(0.5) end;

def samples($series): map(select(.series == $series)) | sort_by(.round);

def side($samples; $series; $is):
    {$series, $is, samples: ($samples | map(.value)), median: ($samples | map(.value) | median)};

# Where the median of all rounds that there could be is: the smallest interval of
# samples that has it in 95 of 100 cases, or all of them where they are too few.
def interval:
    sort as $sorted | length as $count |
    ([1, (($count - 1.96 * ($count | sqrt)) / 2 | floor)] | max) as $rank |
    [$sorted[$rank - 1], $sorted[$count - $rank]];

# $interval of the ratio
def verdict($goal; $interval):
    if $interval == null then "failed"
    elif $goal == null then "no goal"
    elif $interval[1] <= $goal then "met"
    elif $interval[0] > $goal then "missed"
    else "unclear" end;

def summary($all):
    . as $row |
    ($all | map(select(.measurement == $row.measurement))) as $own |
    ($own | samples($row.ours)) as $ours |
    ($own | samples($row.base)) as $base |
    ([$ours, $base] | transpose | map(select(all(. != null)) | .[0].value / .[1].value)) as $ratios |
    (if $own | any(.failed) then null else $ratios | median end) as $ratio |
    (if $ratio == null then null else $ratios | interval end) as $interval |
    {
        measurement, row, title, unit, goal,
        ours: side($ours; .ours; .ours_is),
        base: side($base; .base; .base_is),
        $ratios,
        $ratio,
        $interval,
        verdict: verdict($row.goal; $interval)
    };

. as $all | map(select(.row) | summary($all))
