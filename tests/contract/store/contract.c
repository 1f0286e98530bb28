/* The contract of store.h, run over the local store or, where S3_ENDPOINT says so, an S3 store.
 * With "threads" only what several threads do at once, for the thread sanitizer. */
#include "fixture.h"

/* Where there are archives the provider is a small one of the tests' own: the rest of the contract
 * is run over a real one. */
int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "threads") == 0)
        return store_thread_cases();
    if (getenv("S3_HAS_ARCHIVES"))
        return store_keeping_cases();
    return store_stage_cases() + store_object_cases() + store_list_cases() + store_fault_cases() +
           store_keeping_cases() + store_thread_cases();
}
