#include "db_fault.h"

#include <stdatomic.h>

#include "db/driver.h"

static struct {
    const struct database_driver *real;
    struct database_driver driver;
    atomic_int left;    /* operations until the one that fails; below: disarmed */
    atomic_int answers; /* writes until the one whose answer is lost; below: disarmed */
    atomic_int kind;
    atomic_bool fired;
} fault;

/* False, with ERR filled, when LEFT says that it is this one's turn to fail. */
static bool count_down(atomic_int *left, struct error *err)
{
    if (atomic_load(left) <= 0 || atomic_fetch_sub(left, 1) != 1)
        return true;
    atomic_store(&fault.fired, true);
    return error_set(err, (enum error_kind)atomic_load(&fault.kind), "told to fail");
}

static bool pass(struct error *err)
{
    return count_down(&fault.left, err);
}

static bool write_all(struct database *database, db_work *work, void *context, struct error *err)
{
    return fault.real->write(database, work, context, err) && count_down(&fault.answers, err);
}

static bool query(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                  struct db_rows **out, struct error *err)
{
    return pass(err) && fault.real->query(db, id, args, count, out, err);
}

static bool execute(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                    uint64_t *changed, struct error *err)
{
    return pass(err) && fault.real->execute(db, id, args, count, changed, err);
}

static bool must(struct db *db, enum sql_id id, const struct db_value *args, size_t count,
                 const struct db_refusal *otherwise, struct error *err)
{
    return pass(err) && fault.real->must(db, id, args, count, otherwise, err);
}

static enum db_step next(struct db_rows *rows, struct error *err)
{
    return pass(err) ? fault.real->next(rows, err) : DB_STEP_FAILED;
}

void db_fault_wrap(struct database *database)
{
    if (database->driver == &fault.driver)
        return;
    fault.real = database->driver;
    fault.driver = *database->driver;
    fault.driver.write = write_all;
    fault.driver.query = query;
    fault.driver.execute = execute;
    fault.driver.must = must;
    fault.driver.next = next;
    database->driver = &fault.driver;
}

static void arm(atomic_int *left, unsigned nth, enum error_kind kind)
{
    db_fault_disarm();
    atomic_store(&fault.kind, (int)kind);
    atomic_store(&fault.fired, false);
    atomic_store(left, (int)nth);
}

void db_fault_arm(unsigned nth, enum error_kind kind)
{
    arm(&fault.left, nth, kind);
}

void db_fault_arm_answer(unsigned nth, enum error_kind kind)
{
    arm(&fault.answers, nth, kind);
}

bool db_fault_disarm(void)
{
    atomic_store(&fault.left, 0);
    atomic_store(&fault.answers, 0);
    return atomic_load(&fault.fired);
}
