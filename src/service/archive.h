/*
 * Where an upload's content stands at its provider: its class, and whether it can be read. Moving
 * it to another class, and asking for a copy of what is archived. Uploads that share an object
 * share all that.
 */
#ifndef SERVICE_ARCHIVE_H
#define SERVICE_ARCHIVE_H

#include "catalog/upload.h"
#include "service/app.h"

#define ARCHIVE_DAYS_USUAL 7
#define ARCHIVE_DAYS_MAX 3650
#define ARCHIVE_TIER_MAX 32 /* bytes */

/* "at_hand", "archived", "restoring" or "restored". */
const char *archive_availability_name(enum store_availability availability);

/* What the provider says of the content now. Fails with ERR_INTERNAL if it is gone,
 * ERR_UNAVAILABLE. */
bool archive_look(struct app *app, const struct upload *upload, struct store_object *out,
                  struct error *err);
/* Asks for a copy of the archived content that can be read for DAYS (from 1 on; 0: as usual), as
 * fast as TIER says in the provider's words (NULL: as it likes). Fails as store_restore: with
 * ERR_CONFLICT if the content is not archived, ERR_NOT_IMPLEMENTED where nothing is. */
bool archive_restore(struct app *app, const struct upload *upload, unsigned days, const char *tier,
                     struct error *err);
/* Moves the content to STORAGE_CLASS, and the records of all uploads that share it say so. Fails as
 * store_set_class: with ERR_ARCHIVED if it must be restored first. */
bool archive_set_class(struct app *app, const struct upload *upload, const char *storage_class,
                       struct error *err);

/* What is told of content that cannot be read in the state that OBJECT has: ERR_ARCHIVED, with what
 * is to be done. Returns false; true if it can be read. */
bool archive_check_readable(const struct store_object *object, struct error *err);
/* The upload ID of whatever workspace: for who has the installation. ERR_NOT_FOUND. */
bool archive_find_upload(struct app *app, struct uuid id, struct arena *mem, struct upload *out,
                         struct error *err);

#endif
