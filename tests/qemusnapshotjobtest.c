/*
 * qemusnapshotjobtest.c: what libvirt tells QEMU about snapshots of chosen nodes
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "testutils.h"
#include "testutilsqemu.h"
#include "testutilsqemuschema.h"
#include "qemumonitortestutils.h"

#include "qemu/qemu_monitor_json.h"
#include "qemu/qemu_monitor_reply.h"
#include "qemu/qemu_snapshot_job.h"
#include "qemu/qemu_snapshot_tags.h"
#include "virbuffer.h"
#include "virxml.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define FIRST_COMMAND "{\"execute\":\"qmp_capabilities\",\"id\":\"libvirt-1\"}\r\n"
#define RECORD(content) "<job><snapshotJob " content "</snapshotJob></job>"

static virQEMUDriver driver;
static GHashTable *schema;

static const char *nodes[] = { "libvirt-2-format", "libvirt-1-format", NULL };


static int
testSnapshotJobCheck(const char *command,
                     const char *vmstate,
                     const char *arguments)
{
    g_autoptr(qemuMonitorTest) test = qemuMonitorTestNewSchema(driver.xmlopt, schema);
    g_autofree char *expect = g_strdup_printf("{\"execute\":\"%s\",\"arguments\":"
                                              "{\"job-id\":\"%s\",\"tag\":\"before\",%s},"
                                              "\"id\":\"libvirt-1\"}",
                                              command, command, arguments);

    if (!test ||
        qemuMonitorTestAddItemVerbatim(test, expect, NULL, "{\"return\":{},\"id\":\"libvirt-1\"}") < 0)
        return -1;

    return qemuMonitorJSONSnapshotJob(qemuMonitorTestGetMonitor(test), command,
                                      command, "before", vmstate, nodes);
}


static int
testSnapshotJobSave(const void *opaque G_GNUC_UNUSED)
{
    return testSnapshotJobCheck("snapshot-save", nodes[0],
                                "\"vmstate\":\"libvirt-2-format\","
                                "\"devices\":[\"libvirt-2-format\",\"libvirt-1-format\"]");
}


static int
testSnapshotJobLoad(const void *opaque G_GNUC_UNUSED)
{
    return testSnapshotJobCheck("snapshot-load", nodes[1],
                                "\"vmstate\":\"libvirt-1-format\","
                                "\"devices\":[\"libvirt-2-format\",\"libvirt-1-format\"]");
}


static int
testSnapshotJobDelete(const void *opaque G_GNUC_UNUSED)
{
    return testSnapshotJobCheck("snapshot-delete", NULL,
                                "\"devices\":[\"libvirt-2-format\",\"libvirt-1-format\"]");
}


static int
testSnapshotJobError(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(qemuMonitorTest) test = qemuMonitorTestNewSchema(driver.xmlopt, schema);

    if (!test ||
        qemuMonitorTestAddItem(test, "snapshot-save",
                               "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"}}") < 0)
        return -1;

    if (qemuMonitorJSONSnapshotJob(qemuMonitorTestGetMonitor(test), "snapshot-save",
                                   "job", "before", nodes[0], nodes) == 0) {
        VIR_TEST_VERBOSE("QEMU's error was not noticed");
        return -1;
    }

    virResetLastError();
    return 0;
}


/* QEMU was at work for a libvirtd that is gone; this one is its next client. */
static int
testStaleReplyIgnored(const void *opaque G_GNUC_UNUSED)
{
    const char *greeting = "{\"QMP\":{\"version\":{\"qemu\":{\"micro\":0,\"minor\":2,\"major\":7},"
                           "\"package\":\"\"},\"capabilities\":[]}}\r\n"
                           "{\"return\":{},\"id\":\"libvirt-418\"}";
    g_autoptr(qemuMonitorTest) test = qemuMonitorTestNew(driver.xmlopt, NULL,
                                                         greeting, schema);

    if (!test ||
        qemuMonitorTestAddItem(test, "qmp_capabilities",
                               "{\"return\":{},\"id\":\"libvirt-1\"}") < 0)
        return -1;

    return qemuMonitorJSONSetCapabilities(qemuMonitorTestGetMonitor(test));
}


typedef struct _testStaleData testStaleData;
struct _testStaleData {
    const char *reply;
    const char *command;
    bool stale;
};


static int
testStaleReply(const void *opaque)
{
    const testStaleData *data = opaque;
    g_autoptr(virJSONValue) reply = virJSONValueFromString(data->reply);

    if (!reply)
        return -1;

    return qemuMonitorReplyIsStale(reply, data->command) == data->stale ? 0 : -1;
}


static int
testTagsCheck(const char *json,
              const char *names,
              const char *memory,
              const char *bitmaps)
{
    g_autoptr(virJSONValue) image = virJSONValueFromString(json);
    g_autoptr(qemuSnapshotTags) tags = NULL;
    g_autofree char *actual = NULL;
    g_autofree char *actualNames = NULL;
    g_autofree char *actualMemory = NULL;
    g_autofree char *actualBitmaps = NULL;
    g_autofree char *expect = g_strdup_printf("%s|%s|%s", names, memory, bitmaps);

    if (!image)
        return -1;

    tags = qemuSnapshotTagsParse(image);
    actualNames = g_strjoinv(",", tags->names);
    actualMemory = g_strjoinv(",", tags->withMemory);
    actualBitmaps = g_strjoinv(",", tags->bitmaps);
    actual = g_strdup_printf("%s|%s|%s", actualNames, actualMemory, actualBitmaps);

    return virTestCompareToString(expect, actual);
}


static int
testTagsNone(const void *opaque G_GNUC_UNUSED)
{
    return testTagsCheck("{\"filename\":\"a.raw\",\"format\":\"raw\",\"virtual-size\":512}",
                         "", "", "");
}


static int
testTagsAll(const void *opaque G_GNUC_UNUSED)
{
    return testTagsCheck("{\"filename\":\"a.qcow2\",\"format\":\"qcow2\",\"virtual-size\":512,"
                         "\"snapshots\":["
                         "{\"id\":\"1\",\"name\":\"disk\",\"vm-state-size\":0},"
                         "{\"id\":\"2\",\"name\":\"all\",\"vm-state-size\":77435089}],"
                         "\"format-specific\":{\"type\":\"qcow2\",\"data\":{\"compat\":\"1.1\","
                         "\"bitmaps\":[{\"flags\":[\"auto\"],\"name\":\"c1\",\"granularity\":65536}]}}}",
                         "disk,all", "all", "c1");
}


static int
testRecordParse(const char *xml,
                qemuSnapshotJobRecord **record)
{
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(xmlXPathContext) ctxt = NULL;

    if (!(doc = virXMLParseStringCtxt(xml, "record", &ctxt)))
        return -1;

    return qemuSnapshotJobRecordParse(ctxt, record);
}


static int
testRecordRoundTrip(const void *opaque)
{
    const char *xml = opaque;
    g_autoptr(qemuSnapshotJobRecord) record = NULL;
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    if (testRecordParse(xml, &record) < 0)
        return -1;

    virBufferAddLit(&buf, "<job>\n");
    virBufferAdjustIndent(&buf, 2);
    qemuSnapshotJobRecordFormat(&buf, record);
    virBufferAdjustIndent(&buf, -2);
    virBufferAddLit(&buf, "</job>\n");

    return virTestCompareToString(xml, virBufferCurrentContent(&buf));
}


static int
testRecordRefused(const void *opaque)
{
    g_autoptr(qemuSnapshotJobRecord) record = NULL;

    if (testRecordParse(opaque, &record) == 0 || record) {
        VIR_TEST_VERBOSE("a record was read from %s", (const char *) opaque);
        return -1;
    }

    virResetLastError();
    return 0;
}


static int
mymain(void)
{
    g_autoptr(GHashTable) loaded = NULL;
    int ret = 0;

    if (qemuTestDriverInit(&driver) < 0)
        return EXIT_FAILURE;

    virEventRegisterDefaultImpl();

    if (!(loaded = testQEMUSchemaLoadLatest("x86_64"))) {
        qemuTestDriverFree(&driver);
        return EXIT_FAILURE;
    }

    schema = loaded;

#define DO_TEST(name, func, data) \
    do { \
        if (virTestRun(name, func, data) < 0) \
            ret = -1; \
    } while (0)

#define DO_TEST_STALE(name, jsonReply, jsonCommand, isStale) \
    do { \
        g_autofree char *json = g_strdelimit(g_strdup(jsonReply), "'", '"'); \
        testStaleData data = { .reply = json, .command = jsonCommand, .stale = isStale }; \
        DO_TEST(name, testStaleReply, &data); \
    } while (0)

    DO_TEST("a save names the node for the memory and all nodes", testSnapshotJobSave, NULL);
    DO_TEST("a load names the node with the memory and all nodes", testSnapshotJobLoad, NULL);
    DO_TEST("a deletion names all nodes and none for the memory", testSnapshotJobDelete, NULL);
    DO_TEST("a command that QEMU refuses is an error", testSnapshotJobError, NULL);
    DO_TEST("a reply to a libvirtd that is gone is ignored", testStaleReplyIgnored, NULL);
    DO_TEST_STALE("a reply that comes before the first command is stale",
                  "{'return':{},'id':'libvirt-418'}", NULL, true);
    DO_TEST_STALE("a reply with another id is stale while the first command waits",
                  "{'return':{},'id':'libvirt-418'}", FIRST_COMMAND, true);
    DO_TEST_STALE("an error with another id is stale, too",
                  "{'error':{'class':'GenericError','desc':'no'},'id':'libvirt-11'}",
                  FIRST_COMMAND, true);
    DO_TEST_STALE("the reply to the first command is not stale",
                  "{'return':{},'id':'libvirt-1'}", FIRST_COMMAND, false);
    DO_TEST_STALE("a reply without id is not stale",
                  "{'return':{}}", FIRST_COMMAND, false);
    DO_TEST_STALE("a later command gets whatever comes",
                  "{'return':{},'id':'libvirt-418'}",
                  "{\"execute\":\"query-status\",\"id\":\"libvirt-2\"}", false);
    DO_TEST("an image without snapshots holds none", testTagsNone, NULL);
    DO_TEST("snapshots, memory and bitmaps of an image are told apart", testTagsAll, NULL);
    DO_TEST("the record of a save survives the status XML", testRecordRoundTrip,
            "<job>\n"
            "  <snapshotJob type='snapshot-save' tag='a &lt;tag&gt;' current='earlier'>\n"
            "    <node name='libvirt-2-format'/>\n"
            "    <node name='libvirt-1-format'/>\n"
            "  </snapshotJob>\n"
            "</job>\n");
    DO_TEST("the record of a deletion without a current snapshot survives the status XML",
            testRecordRoundTrip,
            "<job>\n"
            "  <snapshotJob type='snapshot-delete' tag='before'>\n"
            "    <node name='libvirt-2-format'/>\n"
            "  </snapshotJob>\n"
            "</job>\n");
    DO_TEST("a record of an unknown type is refused", testRecordRefused,
            RECORD("type='snapshot-lose' tag='before'>"));
    DO_TEST("a record without type is refused", testRecordRefused,
            RECORD("tag='before'>"));
    DO_TEST("a record without tag is refused", testRecordRefused,
            RECORD("type='snapshot-save'><node name='libvirt-1-format'/>"));
    DO_TEST("a record of a node without name is refused", testRecordRefused,
            RECORD("type='snapshot-save' tag='before'><node/>"));

    qemuTestDriverFree(&driver);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
