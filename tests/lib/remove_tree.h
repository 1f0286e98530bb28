/* Removes a folder that a test has made. */
#ifndef TESTS_LIB_REMOVE_TREE_H
#define TESTS_LIB_REMOVE_TREE_H

void remove_tree(const char *folder);

#endif
