/* Replaying in C: a program is run over flat memory, a row of the table at a time.

   The formulas are those of the table, in rules.h, which this file includes once for each use: to
   name the codes, to list the names, and to make a loop of every row. */

#include "replay.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__)
#define FOR_EACH_MACHINE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_MACHINE
#endif

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

enum {
    LANES = 8, /* numbers that a slot holds when many argument sets run at once: a line of cache */
    ABREAST = 8, /* sums that are added up side by side, so that none waits for its own last term */
};

/* ---- loops ----

   In all of them: n operations; `out`, where their results go; `in`, the slots of their inputs, the
   first input of every operation, then the second of each, and so on; w numbers in a slot. */

#define AT(k, j) m[(ptrdiff_t)in[(ptrdiff_t)(k) * n + (j)] * w + l]

INLINE void total(double *m, double *out, const int32_t *in, ptrdiff_t n, int arity, const int w)
{
    ptrdiff_t j = 0;
    for (; w == 1 && j + ABREAST <= n; j += ABREAST) {
        double sum[ABREAST];
        const int l = 0;
        for (int i = 0; i < ABREAST; i++) {
            sum[i] = AT(0, j + i);
        }
        for (int k = 1; k < arity; k++) {
            for (int i = 0; i < ABREAST; i++) {
                sum[i] += AT(k, j + i);
            }
        }
        memcpy(out + j, sum, sizeof sum);
    }
    for (; j < n; j++) {
        double sum[LANES];
        for (int l = 0; l < w; l++) {
            sum[l] = AT(0, j);
        }
        for (int k = 1; k < arity; k++) {
            for (int l = 0; l < w; l++) {
                sum[l] += AT(k, j);
            }
        }
        memcpy(out + j * w, sum, w * sizeof *sum);
    }
}

INLINE void inner(double *m, double *out, const int32_t *in, ptrdiff_t n, int arity, const int w)
{
    ptrdiff_t j = 0;
    for (; w == 1 && j + ABREAST <= n; j += ABREAST) {
        double sum[ABREAST];
        const int l = 0;
        for (int i = 0; i < ABREAST; i++) {
            sum[i] = AT(0, j + i) * AT(1, j + i);
        }
        for (int k = 2; k < arity; k += 2) {
            for (int i = 0; i < ABREAST; i++) {
                sum[i] += AT(k, j + i) * AT(k + 1, j + i);
            }
        }
        memcpy(out + j, sum, sizeof sum);
    }
    for (; j < n; j++) {
        double sum[LANES];
        for (int l = 0; l < w; l++) {
            sum[l] = AT(0, j) * AT(1, j);
        }
        for (int k = 2; k < arity; k += 2) {
            for (int l = 0; l < w; l++) {
                sum[l] += AT(k, j) * AT(k + 1, j);
            }
        }
        memcpy(out + j * w, sum, w * sizeof *sum);
    }
}

#define X AT(0, j)
#define Y AT(1, j)
#define Z AT(2, j)
#define W AT(3, j)
#define N arity
#define XS list

/* Eight numbers at a time go through `t`, which nothing else can be: so they are computed as one. */
#define RULE(name, arity_, forward, shares)                                                        \
    case CODE_##name:                                                                              \
        for (ptrdiff_t j = 0; j < n; j++) {                                                        \
            double t[LANES];                                                                       \
            for (int l = 0; l < w; l++) {                                                          \
                t[l] = forward;                                                                    \
            }                                                                                      \
            memcpy(out + j * w, t, w * sizeof *t);                                                 \
        }                                                                                          \
        break;

#define LIST(name, forward, shares)                                                                \
    case CODE_##name:                                                                              \
        for (ptrdiff_t j = 0; j < n; j++) {                                                        \
            for (int l = 0; l < w; l++) {                                                          \
                for (int k = 0; k < arity; k++) {                                                  \
                    list[k] = AT(k, j);                                                            \
                }                                                                                  \
                out[j * w + l] = forward;                                                          \
            }                                                                                      \
        }                                                                                          \
        break;

/* Runs [0, n_runs) on memory; `list` has room for the widest list. */
INLINE void run_all(double *m, const int32_t *runs, ptrdiff_t n_runs, const int32_t *in,
                    double *out, double *list, const int w)
{
    for (ptrdiff_t r = 0; r < n_runs; r++, runs += 3) {
        const int code = runs[0], arity = runs[1];
        const ptrdiff_t n = runs[2];
        switch (code) {
        case CODE_total:
            total(m, out, in, n, arity, w);
            break;
        case CODE_inner:
            inner(m, out, in, n, arity, w);
            break;
#include "rules.h"
        }
        out += n * w;
        in += n * arity;
    }
}

#undef X
#undef Y
#undef Z
#undef W
#undef N
#undef XS

FOR_EACH_MACHINE
static void run_one(double *m, const int32_t *runs, ptrdiff_t n, const int32_t *in, double *out,
                    double *list)
{
    run_all(m, runs, n, in, out, list, 1);
}

FOR_EACH_MACHINE
static void run_lanes(double *m, const int32_t *runs, ptrdiff_t n, const int32_t *in, double *out,
                      double *list)
{
    run_all(m, runs, n, in, out, list, LANES);
}

/* ---- buffers ---- */

static Py_ssize_t size_of(char kind)
{
    return kind == 'd' ? sizeof(double) : kind == 'i' ? sizeof(int32_t) : kind == 'h' ? 2 : 1;
}

int get_arrays(PyObject *const *objects, const char *kinds, array *arrays)
{
    for (int i = 0; kinds[i]; i++) {
        const char kind = kinds[i] | 0x20;
        const int flags = PyBUF_C_CONTIGUOUS | (kind != kinds[i] ? PyBUF_WRITABLE : 0);
        if (PyObject_GetBuffer(objects[i], &arrays[i].view, flags) < 0) {
            release(arrays, i);
            return 0;
        }
        arrays[i].at = arrays[i].view.buf;
        arrays[i].n = arrays[i].view.len / size_of(kind);
    }
    return 1;
}

void release(array *arrays, int n)
{
    while (n--) {
        PyBuffer_Release(&arrays[n].view);
    }
}

/* ---- running ---- */

static int widest(const int32_t *runs, Py_ssize_t n)
{
    int found = 1;
    for (; n--; runs += 3) {
        found = runs[1] > found ? runs[1] : found;
    }
    return found;
}

PyDoc_STRVAR(run_doc,
"run(memory, runs, ins, slot, edge, first, last, lanes)\n\n"
"Run the runs from first to last, whose results start at `slot` and inputs at `edge`. Memory has\n"
"one number for each slot, or LANES.");

static PyObject *run(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    array a[3];
    Py_ssize_t number[5];
    if (count != 8) {
        return PyErr_Format(PyExc_TypeError, "run takes 8 arguments");
    }
    for (int i = 0; i < 5; i++) {
        number[i] = PyLong_AsSsize_t(args[3 + i]);
        if (number[i] == -1 && PyErr_Occurred()) {
            return NULL;
        }
    }
    const Py_ssize_t slot = number[0], edge = number[1], first = number[2], last = number[3];
    const Py_ssize_t lanes = number[4];
    if (lanes != 1 && lanes != LANES) {
        return PyErr_Format(PyExc_ValueError, "memory has 1 or %d lanes", LANES);
    }
    if (!get_arrays(args, "Dii", a)) {
        return NULL;
    }
    const int32_t *runs = (int32_t *)a[1].at + 3 * first;
    double *list = PyMem_Malloc(widest(runs, last - first) * sizeof(double));
    if (list) {
        double *m = a[0].at;
        const int32_t *in = (int32_t *)a[2].at + edge;
        Py_BEGIN_ALLOW_THREADS
        (lanes == 1 ? run_one : run_lanes)(m, runs, last - first, in, m + slot * lanes, list);
        Py_END_ALLOW_THREADS
    }
    release(a, 3);
    PyMem_Free(list);
    return list ? Py_NewRef(Py_None) : PyErr_NoMemory();
}

PyDoc_STRVAR(batch_doc,
"batch(memory, runs, ins, varying, columns, each, found, added, sums, slot, n_runs)\n\n"
"Run the first n_runs for every column of `columns`, whose rows are the slots `varying`. `found` gets\n"
"the numbers in the slots `each`, a column for each lane, and `sums` adds those in `added` up, in\n"
"LANES parts.");

static PyObject *batch(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    enum { MEMORY, RUNS, INS, VARYING, COLUMNS, EACH, FOUND, ADDED, SUMS, ARRAYS };
    array a[ARRAYS];
    if (count != ARRAYS + 3) {
        return PyErr_Format(PyExc_TypeError, "batch takes %d arguments", ARRAYS + 3);
    }
    const Py_ssize_t slot = PyLong_AsSsize_t(args[ARRAYS]);
    const Py_ssize_t n_runs = PyLong_AsSsize_t(args[ARRAYS + 1]);
    const Py_ssize_t total = PyLong_AsSsize_t(args[ARRAYS + 2]);
    if (PyErr_Occurred() || !get_arrays(args, "DiiidiDiD", a)) {
        return NULL;
    }
    const int32_t *runs = a[RUNS].at, *varying = a[VARYING].at, *each = a[EACH].at;
    const int32_t *added = a[ADDED].at;
    const double *columns = a[COLUMNS].at;
    double *m = a[MEMORY].at, *found = a[FOUND].at, *sums = a[SUMS].at;
    double *list = PyMem_Malloc(widest(runs, n_runs) * LANES * sizeof(double));
    if (list) {
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t first = 0; first < total; first += LANES) {
            const int lanes = total - first < LANES ? (int)(total - first) : LANES;
            for (Py_ssize_t i = 0; i < a[VARYING].n; i++) {
                double *to = m + (Py_ssize_t)varying[i] * LANES;
                memcpy(to, columns + i * total + first, lanes * sizeof(double));
            }
            run_lanes(m, runs, n_runs, a[INS].at, m + slot * LANES, list);
            for (Py_ssize_t i = 0; i < a[EACH].n; i++) {
                const double *from = m + (Py_ssize_t)each[i] * LANES;
                memcpy(found + i * total + first, from, lanes * sizeof(double));
            }
            for (Py_ssize_t i = 0; i < a[ADDED].n; i++) {
                const double *from = m + (Py_ssize_t)added[i] * LANES;
                double *to = sums + i * LANES;
                for (int l = 0; l < (lanes == LANES ? LANES : lanes); l++) {
                    to[l] += from[l];
                }
            }
        }
        Py_END_ALLOW_THREADS
    }
    release(a, ARRAYS);
    PyMem_Free(list);
    return list ? Py_NewRef(Py_None) : PyErr_NoMemory();
}

/* ---- structures of numbers: see replaying/structure.py ---- */

enum { LIST_OF, TUPLE_OF, DICT_OF, ARRAY_OF };

/* What a walk over a structure goes along. */
typedef struct {
    double *numbers;
    Py_ssize_t at, end;
    PyObject *other; /* what sees to arrays */
} walk;

/* The kind, the detail and the number of parts of a shape that is not that of one number. A shape is
   of tuples, nothing of which goes away, and never deep. */
static int read_shape(PyObject *shape, PyObject **detail, PyObject **parts, Py_ssize_t *n)
{
    *detail = PyTuple_GET_ITEM(shape, 1);
    *parts = PyTuple_GET_ITEM(shape, 2);
    const int counted = PyLong_Check(*parts);
    *n = counted ? PyLong_AsSsize_t(*parts) : PyTuple_GET_SIZE(*parts);
    *parts = counted ? NULL : *parts;
    return (int)PyLong_AsLong(PyTuple_GET_ITEM(shape, 0));
}

/* Whether x is a float or an int, which is the next number then. Runs no Python. */
static int take_number(PyObject *x, walk *w)
{
    if (w->at >= w->end || !(PyFloat_Check(x) || PyLong_Check(x))) {
        return 0;
    }
    const double number = PyFloat_Check(x) ? PyFloat_AS_DOUBLE(x) : PyLong_AsDouble(x);
    if (number == -1.0 && PyErr_Occurred()) {
        PyErr_Clear(); /* too large; whoever asks finds better words */
        return 0;
    }
    w->numbers[w->at++] = number;
    return 1;
}

static int take_apart(PyObject *shape, PyObject *tree, walk *w);

/* The i-th branch of a tree. It is held on to: what Python does meanwhile may change the tree. */
static int take_branch(PyObject *parts, Py_ssize_t i, PyObject *branch, walk *w)
{
    if (!parts) {
        return take_number(branch, w);
    }
    Py_INCREF(branch);
    const int found = take_apart(PyTuple_GET_ITEM(parts, i), branch, w);
    Py_DECREF(branch);
    return found;
}

/* The branches of a dict; its keys, compared by Python, must be those of the shape in their order. */
static int take_dict(PyObject *keys, PyObject *parts, Py_ssize_t n, PyObject *dict, walk *w)
{
    PyObject *key, *branch;
    Py_ssize_t place = 0, i = 0;
    for (int found = 1; i < n && PyDict_Next(dict, &place, &key, &branch); i++) {
        Py_INCREF(key);
        Py_INCREF(branch);
        found = PyObject_RichCompareBool(key, PyTuple_GET_ITEM(keys, i), Py_EQ);
        found = found == 1 ? take_branch(parts, i, branch, w) : found;
        Py_DECREF(key);
        Py_DECREF(branch);
        if (found != 1) {
            return found;
        }
    }
    return i == n && PyDict_GET_SIZE(dict) == n;
}

/* The numbers of `tree`, which must have that shape: 1; 0 if it has not, -1 on failure. */
static int take_apart(PyObject *shape, PyObject *tree, walk *w)
{
    if (shape == Py_None) {
        return take_number(tree, w);
    }
    PyObject *detail, *parts;
    Py_ssize_t n;
    const int kind = read_shape(shape, &detail, &parts, &n);
    if (kind == ARRAY_OF) {
        if (n > w->end - w->at) {
            return 0;
        }
        PyObject *answer = PyObject_CallFunction(w->other, "OOnn", detail, tree, w->at, w->at + n);
        const int found = answer ? PyObject_IsTrue(answer) : -1;
        Py_XDECREF(answer);
        w->at += n;
        return found;
    }
    if (kind == DICT_OF) {
        const int fits = PyDict_CheckExact(tree) && PyDict_GET_SIZE(tree) == n;
        return fits ? take_dict(detail, parts, n, tree, w) : 0;
    }
    const int fits = kind == LIST_OF ? PyList_CheckExact(tree)
        : detail == Py_None          ? PyTuple_CheckExact(tree)
                                     : Py_IS_TYPE(tree, (PyTypeObject *)detail);
    if (!fits || PySequence_Fast_GET_SIZE(tree) != n) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        if (PySequence_Fast_GET_SIZE(tree) != n) { /* a key of a dict in it has seen to that */
            return 0;
        }
        const int found = take_branch(parts, i, PySequence_Fast_GET_ITEM(tree, i), w);
        if (found != 1) {
            return found;
        }
    }
    return 1;
}

PyDoc_STRVAR(numbers_doc,
"numbers(shape, tree, found, other) -> whether `tree` has that shape\n\n"
"Its floats and ints are written into `found`; other(shape, array, first, last) does so for an array,\n"
"and says whether it could.");

static PyObject *numbers(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    array a;
    if (count != 4 || !get_arrays(args + 2, "D", &a)) {
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "numbers takes 4 arguments");
    }
    walk w = {a.at, 0, a.n, args[3]};
    const int found = take_apart(args[0], args[1], &w);
    release(&a, 1);
    return found < 0 ? NULL : PyBool_FromLong(found && w.at == w.end);
}

static PyObject *put_together(PyObject *shape, walk *w)
{
    if (shape == Py_None) {
        if (w->at >= w->end) {
            return PyErr_Format(PyExc_ValueError, "there are fewer numbers than places for them");
        }
        return PyFloat_FromDouble(w->numbers[w->at++]);
    }
    PyObject *detail, *parts;
    Py_ssize_t n;
    const int kind = read_shape(shape, &detail, &parts, &n);
    if (kind == ARRAY_OF) {
        w->at += n;
        return PyObject_CallFunction(w->other, "Onn", detail, w->at - n, w->at);
    }
    PyObject *made = kind == LIST_OF ? PyList_New(n) : kind == TUPLE_OF ? PyTuple_New(n) : PyDict_New();
    for (Py_ssize_t i = 0; made && i < n; i++) {
        PyObject *part = put_together(parts ? PyTuple_GET_ITEM(parts, i) : Py_None, w);
        int fine = part != NULL;
        if (fine && kind == DICT_OF) {
            fine = PyDict_SetItem(made, PyTuple_GET_ITEM(detail, i), part) == 0;
            Py_DECREF(part);
        } else if (fine && kind == LIST_OF) {
            PyList_SET_ITEM(made, i, part);
        } else if (fine) {
            PyTuple_SET_ITEM(made, i, part);
        }
        if (!fine) {
            Py_CLEAR(made);
        }
    }
    if (made && kind == TUPLE_OF && detail != Py_None) { /* a named tuple */
        PyObject *named = PyObject_CallObject(detail, made);
        Py_DECREF(made);
        return named;
    }
    return made;
}

PyDoc_STRVAR(structure_doc,
"structure(shape, numbers, other): the numbers in that shape; other(shape, first, last) is an array.");

static PyObject *structure(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    array a;
    if (count != 3 || !get_arrays(args + 1, "d", &a)) {
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "structure takes 3 arguments");
    }
    walk w = {a.at, 0, a.n, args[2]};
    PyObject *made = put_together(args[0], &w);
    release(&a, 1);
    return made;
}

/* ---- the module ---- */

static PyMethodDef methods[] = {
    {"run", (PyCFunction)(void (*)(void))run, METH_FASTCALL, run_doc},
    {"batch", (PyCFunction)(void (*)(void))batch, METH_FASTCALL, batch_doc},
    {"numbers", (PyCFunction)(void (*)(void))numbers, METH_FASTCALL, numbers_doc},
    {"structure", (PyCFunction)(void (*)(void))structure, METH_FASTCALL, structure_doc},
    {NULL, NULL, 0, NULL},
};

/* The rows this was compiled with, in their order. */
static const char *const names[] = {
#define RULE(name, arity, forward, shares) #name,
#define LIST(name, forward, shares) #name,
#include "rules.h"
};

static int fill_module(PyObject *module)
{
    const Py_ssize_t n = sizeof names / sizeof *names;
    PyObject *found = PyTuple_New(n);
    for (Py_ssize_t i = 0; found && i < n; i++) {
        PyTuple_SET_ITEM(found, i, PyUnicode_FromString(names[i]));
    }
    const int failed = PyModule_AddObjectRef(module, "NAMES", found) < 0
        || PyModule_AddFunctions(module, tape_methods) < 0;
    Py_XDECREF(found);
    return failed ? -1 : PyModule_AddIntConstant(module, "LANES", LANES);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, fill_module},
#if PY_VERSION_HEX >= 0x030C0000 /* memory is kept for all calls of the process */
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_replay",
    .m_doc = "Replaying in C: see autograd.replaying.",
    .m_methods = methods,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__replay(void)
{
    return PyModuleDef_Init(&module);
}
