/*
 * disk_set_xml.h: little helpers around libxml2
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc);

xmlDocPtr
virDiskSetXMLParse(const char *xml,
                   const char *rootName);

xmlNodePtr
virDiskSetXMLChild(xmlNodePtr parent,
                   const char *name);

xmlNodePtr
virDiskSetXMLNext(xmlNodePtr node);

char *
virDiskSetXMLAttribute(xmlNodePtr node,
                       const char *name);

char *
virDiskSetXMLText(xmlNodePtr node);

char *
virDiskSetXMLFormat(xmlNodePtr node);
