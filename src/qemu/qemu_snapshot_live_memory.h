/*
 * qemu_snapshot_live_memory.h: memory of a domain before and after a live snapshot
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"

void
qemuSnapshotLiveWarm(virDomainObj *vm);

int
qemuSnapshotLiveUnprotect(pid_t pid);

int
qemuSnapshotLiveKeepUnprotected(const char *pidfile);
