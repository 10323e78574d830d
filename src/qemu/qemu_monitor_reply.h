/*
 * qemu_monitor_reply.h: replies to commands of an earlier connection
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "virjson.h"

bool
qemuMonitorReplyIsStale(virJSONValue *reply,
                        const char *command);
