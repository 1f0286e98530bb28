/* media_sniff: the first bytes of any upload, in the server itself. */
#include <stdlib.h>

#include "media/media.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *what = NULL;

    if (media_sniff(data, size, &what) == MEDIA_SNIFF_NO && !what)
        abort();
    return 0;
}
