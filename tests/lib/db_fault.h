/*
 * A database whose nth operation fails: a driver over the one that a database was opened with.
 * Operations are statements and steps to a next row, of all threads together.
 */
#ifndef TESTS_LIB_DB_FAULT_H
#define TESTS_LIB_DB_FAULT_H

#include "db/db.h"

/* Puts it over DATABASE until that is freed. Wraps databases of one driver at a time; call it
 * before other threads use the database. */
void db_fault_wrap(struct database *database);
/* The NTH operation from now on (from 1) fails with KIND; those behind it succeed. */
void db_fault_arm(unsigned nth, enum error_kind kind);
/* The NTH write from now on (from 1) is committed, and its answer is lost: it fails with KIND. */
void db_fault_arm_answer(unsigned nth, enum error_kind kind);
/* Nothing fails any more. True if something had failed. */
bool db_fault_disarm(void);

#endif
