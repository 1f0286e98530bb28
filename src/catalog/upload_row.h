/* Rows of audio_uploads as structs: what the files about uploads share. Private to catalog/. */
#ifndef CATALOG_UPLOAD_ROW_H
#define CATALOG_UPLOAD_ROW_H

#include "catalog/upload.h"

/* The row on which ROWS stands, from a statement that selects the columns in upload.sql's order. */
struct upload upload_from_row(const struct db_rows *rows, struct arena *mem);

#endif
