/*
 * qemumonitorreplytest.c: which replies of QEMU belong to the command that waits
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "testutils.h"

#include "qemu/qemu_monitor_reply.h"
#define LIBVIRT_QEMU_MONITOR_PRIV_H_ALLOW
#include "qemu/qemu_monitor_priv.h"

#define VIR_FROM_THIS VIR_FROM_NONE

typedef struct _testReplyData testReplyData;
struct _testReplyData {
    const char *reply;
    const char *waiting; /* id of the command; NULL when none waits */
    bool stale;
};


static int
testReply(const void *opaque)
{
    const testReplyData *data = opaque;
    qemuMonitorMessage msg = { .id = data->waiting };
    g_autoptr(virJSONValue) reply = virJSONValueFromString(data->reply);

    if (!reply)
        return -1;

    if (qemuMonitorReplyIsStale(reply, data->waiting ? &msg : NULL) != data->stale) {
        VIR_TEST_VERBOSE("%s while '%s' waits: expected it %s", data->reply,
                         NULLSTR(data->waiting), data->stale ? "stale" : "taken");
        return -1;
    }

    return 0;
}


static int
mymain(void)
{
    int ret = 0;

#define TEST(name, ...) \
    do { \
        testReplyData data = { __VA_ARGS__ }; \
        if (virTestRun(name, testReply, &data) < 0) \
            ret = -1; \
    } while (0)

    TEST("the reply to the command that waits is taken",
         "{\"return\": {}, \"id\": \"libvirt-7\"}", "libvirt-7", false);
    TEST("an error about the command that waits is taken",
         "{\"error\": {\"class\": \"GenericError\"}, \"id\": \"libvirt-7\"}", "libvirt-7", false);
    TEST("the reply to another command is stale, first command of a connection or not",
         "{\"return\": {}, \"id\": \"libvirt-433\"}", "libvirt-7", true);
    TEST("an error about another command is stale",
         "{\"error\": {\"class\": \"GenericError\"}, \"id\": \"libvirt-433\"}", "libvirt-1", true);
    TEST("an id that another one begins with is another",
         "{\"return\": {}, \"id\": \"libvirt-70\"}", "libvirt-7", true);
    TEST("a reply with an id is stale when no command waits",
         "{\"return\": {}, \"id\": \"libvirt-7\"}", NULL, true);
    TEST("an error about what QEMU could not read has no id and is taken",
         "{\"error\": {\"class\": \"GenericError\"}}", "libvirt-7", false);
    TEST("a reply without an id is libvirt's to refuse when no command waits",
         "{\"return\": {}}", NULL, false);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
