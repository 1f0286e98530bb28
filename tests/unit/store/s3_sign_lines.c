/*
 * Signs what stands on standard input, for a second opinion (s3_botocore.py): on each line, between
 * tabs, "sign" or "link", the method, the host, the path (not encoded), and parameters of the query
 * as NAME=VALUE. It answers with the target and, unless it is a link, the Authorization header.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/s3_sign.h"

#define FIELDS_MAX 16

static const struct s3_signer signer = {.access_key = "AKIDEXAMPLE",
                                        .secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                        .region = "eu-central-1",
                                        .now_us = INT64_C(1440938160) * US_PER_S};

static const char *authorization_of(const struct s3_signed *result)
{
    for (size_t i = 0; i < result->header_count; i++)
        if (strcmp(result->headers[i].name, "authorization") == 0)
            return result->headers[i].value;
    return "";
}

static void sign_line(char *line, struct arena *mem)
{
    struct s3_field query[FIELDS_MAX];
    struct s3_request request = {.query = query, .payload = S3_EMPTY_SHA256};
    struct s3_signed result;
    const char *kind = strsep(&line, "\t");
    char *field;

    request.method = strsep(&line, "\t");
    request.host = strsep(&line, "\t");
    request.path = strsep(&line, "\t");
    while ((field = strsep(&line, "\t")) && request.query_count < FIELDS_MAX) {
        query[request.query_count].name = strsep(&field, "=");
        query[request.query_count++].value = field ? field : "";
    }
    if (strcmp(kind, "link") == 0) {
        puts(s3_presign(&signer, &request, 3600, mem));
        return;
    }
    s3_sign(&signer, &request, mem, &result);
    printf("%s\t%s\n", result.target, authorization_of(&result));
}

int main(void)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(memory_free) char *line = NULL;
    size_t room = 0;

    while (getline(&line, &room, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        sign_line(line, mem);
    }
    return 0;
}
