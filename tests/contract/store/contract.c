/* The contract of store.h, run over the local store or, where S3_ENDPOINT says so, an S3 store. */
#include "fixture.h"

int main(void)
{
    return store_stage_cases() + store_object_cases() + store_list_cases() + store_fault_cases() +
           store_thread_cases();
}
