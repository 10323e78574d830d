/*
 * qemu_monitor_reply.h: which replies belong to the command that waits
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "qemu_monitor.h"
#include "virjson.h"

bool
qemuMonitorReplyIsStale(virJSONValue *reply,
                        const qemuMonitorMessage *waiting);
