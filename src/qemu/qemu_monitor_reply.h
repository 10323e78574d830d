/*
 * qemu_monitor_reply.h: replies to commands of an earlier connection
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "qemu_monitor.h"
#include "virjson.h"

const char *
qemuMonitorReplyAwait(virJSONValue *command);

bool
qemuMonitorReplyIsStale(virJSONValue *reply,
                        const qemuMonitorMessage *waiting);
