/* What the files of the module `_replay` share. */

#ifndef VG_REPLAY_H
#define VG_REPLAY_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>

#include "rules.h"

/* The codes of operations: the rows in the order of the table, two more, and those of rows that only
   Python knows. */
#define RULE(name, arity, forward, shares) CODE_##name,
#define LIST(name, forward, shares) CODE_##name,
enum {
#include "rules.h"
    CODE_total, /* x0 + x1 + ..., from left to right */
    CODE_inner, /* x0 * x1 + x2 * x3 + ..., likewise */
    USER = 1000,
};

/* How many things of a size an array has that Python handed over. */
static inline Py_ssize_t count_in(const Py_buffer *array, size_t size)
{
    return array->len / (Py_ssize_t)size;
}

extern PyMethodDef tape_methods[]; /* in tape.c */

#endif
