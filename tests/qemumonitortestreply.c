/*
 * qemumonitortestreply.c: recorded replies of QEMU for a test's monitor
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "qemumonitortestreply.h"
#include "virjson.h"

#define VIR_FROM_THIS VIR_FROM_NONE


/**
 * qemuMonitorTestReplyWithoutID:
 * @recorded: what QEMU once replied to a command
 *
 * A recorded reply has the id of the command of the connection that it was recorded
 * on. A test's connection counts from one, so that it would be a stale reply there.
 *
 * Returns @recorded without an id, to be freed by the caller. What is no JSON object
 * is returned as it is. Reports no error.
 */
char *
qemuMonitorTestReplyWithoutID(const char *recorded)
{
    g_autoptr(virJSONValue) reply = virJSONValueFromString(recorded);

    if (!reply ||
        virJSONValueObjectRemoveKey(reply, "id", NULL) <= 0) {
        virResetLastError();
        return g_strdup(recorded);
    }

    return virJSONValueToString(reply, false);
}
