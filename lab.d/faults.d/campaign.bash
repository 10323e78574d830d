# Functions of a case of the fault campaign.  Sourced after the helpers of the tests,
# with the case in CASE (its directory), STOCK (yes: without our change), OPERATION
# (without "-live"), LIVE_SNAPSHOT (yes or no), PHASE, FAULT and MAY_BE (see table).
# shellcheck shell=bash

FAULTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lab.d/faults.d/processes.bash
. "$FAULTS/processes.bash"
# shellcheck source=lab.d/faults.d/operations.bash
. "$FAULTS/operations.bash"
# shellcheck source=lab.d/faults.d/phases.bash
. "$FAULTS/phases.bash"
# shellcheck source=lab.d/faults.d/injections.bash
. "$FAULTS/injections.bash"
# shellcheck source=lab.d/faults.d/checks.bash
. "$FAULTS/checks.bash"
# shellcheck source=lab.d/faults.d/recovery.bash
. "$FAULTS/recovery.bash"
