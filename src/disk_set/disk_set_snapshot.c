/*
 * disk_set_snapshot.c: snapshot XML for the disks of a set
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#define GETTEXT_PACKAGE PACKAGE
#include <glib/gi18n-lib.h>

#include "disk_set_definition.h"
#include "disk_set_message.h"
#include "disk_set_snapshot.h"


static bool
virDiskSetSnapshotMentions(xmlNodePtr root,
                           xmlNodePtr disk)
{
    xmlNodePtr disks;
    xmlNodePtr node;

    for (disks = virDiskSetXMLChild(root, "disks"); disks; disks = virDiskSetXMLNext(disks)) {
        for (node = virDiskSetXMLChild(disks, "disk"); node; node = virDiskSetXMLNext(node)) {
            g_autofree char *name = virDiskSetXMLAttribute(node, "name");

            if (name && virDiskSetDiskIsNamed(disk, name))
                return true;
        }
    }

    return false;
}


static void
virDiskSetSnapshotAdd(xmlNodePtr disks,
                      xmlNodePtr disk,
                      const char *how)
{
    g_autofree char *target = virDiskSetDiskTarget(disk);
    xmlNodePtr node = xmlNewChild(disks, NULL, (const xmlChar *) "disk", NULL);

    xmlNewProp(node, (const xmlChar *) "name", (const xmlChar *) target);
    xmlNewProp(node, (const xmlChar *) "snapshot", (const xmlChar *) how);
}


/* Adds each disk that @root does not mention: those outside of the set as left out,
 * those in it as @how says, unless that is NULL. */
static void
virDiskSetSnapshotAddAll(xmlNodePtr root,
                         xmlDocPtr definition,
                         const char *how)
{
    xmlNodePtr disks;
    xmlNodePtr disk;

    if (!(disks = virDiskSetXMLChild(root, "disks")))
        disks = xmlNewChild(root, NULL, (const xmlChar *) "disks", NULL);

    for (disk = virDiskSetDefinitionFirstDisk(definition); disk; disk = virDiskSetXMLNext(disk)) {
        if (virDiskSetSnapshotMentions(root, disk))
            continue;

        if (virDiskSetDiskGetFlag(disk, "snapshot") != VIR_DISK_SET_FLAG_TRUE)
            virDiskSetSnapshotAdd(disks, disk, "no");
        else if (how)
            virDiskSetSnapshotAdd(disks, disk, how);
    }
}


static bool
virDiskSetSnapshotTakesInternally(xmlNodePtr root)
{
    xmlNodePtr disks;
    xmlNodePtr node;

    for (disks = virDiskSetXMLChild(root, "disks"); disks; disks = virDiskSetXMLNext(disks)) {
        for (node = virDiskSetXMLChild(disks, "disk"); node; node = virDiskSetXMLNext(node)) {
            g_autofree char *how = virDiskSetXMLAttribute(node, "snapshot");

            if (g_strcmp0(how, "internal") == 0)
                return true;
        }
    }

    return false;
}


/**
 * virDiskSetSnapshotRestrict:
 * @definition: definition of the domain
 * @xml: the caller's snapshot XML
 *
 * Returns the snapshot XML with each disk outside of the set left out that it
 * does not mention, to be freed by the caller, or NULL with the message set.
 */
char *
virDiskSetSnapshotRestrict(xmlDocPtr definition,
                           const char *xml)
{
    g_autoptr(xmlDoc) doc = virDiskSetXMLParse(xml, "domainsnapshot");

    if (!doc)
        return NULL;

    virDiskSetSnapshotAddAll(xmlDocGetRootElement(doc), definition, NULL);

    return virDiskSetXMLFormat(xmlDocGetRootElement(doc));
}


/**
 * virDiskSetSnapshotForSave:
 * @definition: definition of the domain
 * @xml: the caller's snapshot XML
 * @file: absolute path of the file for the memory
 *
 * Returns the snapshot XML that takes the disks of the set internally, but for those
 * that it mentions, and the memory into @file, to be freed by the caller, or NULL with
 * the message set.
 */
char *
virDiskSetSnapshotForSave(xmlDocPtr definition,
                          const char *xml,
                          const char *file)
{
    g_autoptr(xmlDoc) doc = virDiskSetXMLParse(xml, "domainsnapshot");
    xmlNodePtr memory;
    xmlNodePtr root;

    if (!doc)
        return NULL;

    root = xmlDocGetRootElement(doc);

    if (virDiskSetXMLChild(root, "memory")) {
        virDiskSetMessageSet("%s", _("the snapshot XML has a <memory>: it goes to the file that the call names"));
        return NULL;
    }

    virDiskSetSnapshotAddAll(root, definition, "internal");

    if (!virDiskSetSnapshotTakesInternally(root)) {
        virDiskSetMessageSet("%s", _("no disk is saved: the snapshot set is empty, and the snapshot XML has no disk with snapshot='internal'"));
        return NULL;
    }

    memory = xmlNewChild(root, NULL, (const xmlChar *) "memory", NULL);
    xmlNewProp(memory, (const xmlChar *) "snapshot", (const xmlChar *) "external");
    xmlNewProp(memory, (const xmlChar *) "file", (const xmlChar *) file);

    return virDiskSetXMLFormat(root);
}
