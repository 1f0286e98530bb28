/* The functions of libpq that the program uses (base/late.h). */
#include <libpq-fe.h>

#include "base/late.h"

#define ANSWERING(X)                                                                              \
    X(PGconn *, NULL, PQconnectdbParams,                                                          \
      (const char *const *names, const char *const *values, int expand), (names, values, expand)) \
    X(PQconninfoOption *, NULL, PQconninfoParse, (const char *url, char **message),               \
      (url, message))                                                                             \
    X(ConnStatusType, CONNECTION_BAD, PQstatus, (const PGconn *connection), (connection))         \
    X(PGTransactionStatusType, PQTRANS_UNKNOWN, PQtransactionStatus, (const PGconn *connection),  \
      (connection))                                                                               \
    X(const char *, NULL, PQparameterStatus, (const PGconn *connection, const char *name),        \
      (connection, name))                                                                         \
    X(int, 0, PQserverVersion, (const PGconn *connection), (connection))                          \
    X(char *, NULL, PQerrorMessage, (const PGconn *connection), (connection))                     \
    X(int, -1, PQsocket, (const PGconn *connection), (connection))                                \
    X(int, 0, PQbackendPID, (const PGconn *connection), (connection))                             \
    X(int, -1, PQsetnonblocking, (PGconn * connection, int on), (connection, on))                 \
    X(PQnoticeReceiver, NULL, PQsetNoticeReceiver,                                                \
      (PGconn * connection, PQnoticeReceiver receiver, void *context),                            \
      (connection, receiver, context))                                                            \
    X(int, 0, PQsendQuery, (PGconn * connection, const char *text), (connection, text))           \
    X(int, 0, PQsendQueryParams,                                                                  \
      (PGconn * connection, const char *text, int count, const Oid *types,                        \
       const char *const *values, const int *lengths, const int *formats, int result_format),     \
      (connection, text, count, types, values, lengths, formats, result_format))                  \
    X(int, 0, PQsendPrepare,                                                                      \
      (PGconn * connection, const char *name, const char *text, int count, const Oid *types),     \
      (connection, name, text, count, types))                                                     \
    X(int, 0, PQsendQueryPrepared,                                                                \
      (PGconn * connection, const char *name, int count, const char *const *values,               \
       const int *lengths, const int *formats, int result_format),                                \
      (connection, name, count, values, lengths, formats, result_format))                         \
    X(int, 0, PQenterPipelineMode, (PGconn * connection), (connection))                           \
    X(int, 0, PQexitPipelineMode, (PGconn * connection), (connection))                            \
    X(int, 0, PQpipelineSync, (PGconn * connection), (connection))                                \
    X(PGresult *, NULL, PQgetResult, (PGconn * connection), (connection))                         \
    X(int, 0, PQisBusy, (PGconn * connection), (connection))                                      \
    X(int, 0, PQconsumeInput, (PGconn * connection), (connection))                                \
    X(int, -1, PQflush, (PGconn * connection), (connection))                                      \
    X(PGcancel *, NULL, PQgetCancel, (PGconn * connection), (connection))                         \
    X(int, 0, PQcancel, (PGcancel * cancel, char *message, int size), (cancel, message, size))    \
    X(PGnotify *, NULL, PQnotifies, (PGconn * connection), (connection))                          \
    X(ExecStatusType, PGRES_FATAL_ERROR, PQresultStatus, (const PGresult *result), (result))      \
    X(char *, NULL, PQresultErrorField, (const PGresult *result, int field), (result, field))     \
    X(int, 0, PQntuples, (const PGresult *result), (result))                                      \
    X(int, 0, PQnfields, (const PGresult *result), (result))                                      \
    X(Oid, 0, PQftype, (const PGresult *result, int column), (result, column))                    \
    X(int, 1, PQgetisnull, (const PGresult *result, int row, int column), (result, row, column))  \
    X(int, 0, PQgetlength, (const PGresult *result, int row, int column), (result, row, column))  \
    X(char *, NULL, PQgetvalue, (const PGresult *result, int row, int column),                    \
      (result, row, column))                                                                      \
    X(char *, NULL, PQcmdStatus, (PGresult * result), (result))                                   \
    X(char *, NULL, PQcmdTuples, (PGresult * result), (result))

#define RELEASING(X)                                 \
    X(PQfinish, (PGconn * connection), (connection)) \
    X(PQclear, (PGresult * result), (result))        \
    X(PQfreeCancel, (PGcancel * cancel), (cancel))   \
    X(PQfreemem, (void *memory), (memory))           \
    X(PQconninfoFree, (PQconninfoOption * options), (options))

static struct {
    ANSWERING(LATE_MEMBER)
    RELEASING(LATE_MEMBER_VOID)
} functions;

static const struct late_symbol symbols[] = {ANSWERING(LATE_SYMBOL) RELEASING(LATE_SYMBOL_VOID)};

static struct late_library library = LATE_LIBRARY("libpq.so.5");

ANSWERING(LATE_PASS_ON)
RELEASING(LATE_PASS_ON_VOID)
