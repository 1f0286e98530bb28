/* Keeps a resting media process small. */
#ifndef MEDIA_FOOTPRINT_H
#define MEDIA_FOOTPRINT_H

/* Lets go of the pages of code and constants that loading a hundred libraries has touched: 20 MB
 * that the page cache holds anyway, and of which a probe needs a tenth. */
void footprint_shrink(void);

#endif
