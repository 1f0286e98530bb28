/*
 * Which stores the catalog's objects are in: of each, by its name, the id in its marker, noted when
 * it is first used. A node whose configuration leads elsewhere under that name (a folder of its
 * own, where all are to share one; another bucket) would find nothing of what the others have
 * stored, and store what they cannot find.
 */
#ifndef SERVICE_STORE_IDS_H
#define SERVICE_STORE_IDS_H

#include "service/app.h"

/* Whether a store of that name was ever used: then it is there, and no node makes it anew. */
bool store_ids_is_known(struct app *app, const char *name, bool *out, struct error *err);
/* Says of ERR, with which such a store failed to open, that others have it. Always false;
 * ERR_STORE_DIFFERS where nothing was there. */
bool store_ids_is_absent(const struct store_config *config, struct error *err);
/* Compares STORE with what is noted; notes it if nothing is and NOTE. Fails with
 * ERR_STORE_DIFFERS. */
bool store_ids_match(struct app *app, const struct store *store, bool note, struct error *err);
/* Compares all of them; true also if the catalog cannot be asked. ERR_STORE_DIFFERS. */
bool store_ids_check(struct app *app, struct error *err);
/* Whichever is used next under that name is the one, for nodes that have no note of it. */
bool store_ids_forget(struct app *app, const char *name, struct error *err);
/* The file in the folder DATA that notes that this node has had the store; in MEM. */
const char *store_ids_note(const char *data, const char *name, struct arena *mem);
/* Removes it, if there is one: *OUT says so. */
bool store_ids_remove_note(const char *data, const char *name, bool *out, struct error *err);

#endif
