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

/* An array that Python handed over: contiguous, of numbers of some size. */
typedef struct {
    Py_buffer view;
    void *at;
    Py_ssize_t n;
} array;

/* Fills `arrays` from `objects`, as many as `kinds` has letters: h for int16, i for int32, d for
   double, b for bytes, and capitals for those that are written to. On failure none is left open. */
int get_arrays(PyObject *const *objects, const char *kinds, array *arrays);
void release(array *arrays, int n);

extern PyMethodDef tape_methods[]; /* in tape.c */

#endif
