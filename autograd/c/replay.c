/* Replaying in C: loops over flat memory, a row of the table at a time.

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
    TILE = 64, /* lanes that are computed at once, out of a few lines of cache */
    ROWS = 4,
    BLOCK = 16, /* rows of lanes that are summed up in registers */
    MOST_DIMS = 32,
};

/* ---- loops: see replaying/machine.py, which writes them down ----

   A loop is numbers: its code; whether a sum adds to what is there; how many dimensions its results
   move along, and how many it sums over; how many views it has; the dimensions; and the views, of
   the results first. A view is its kind, its offset, and a stride for each dimension. */

enum { CODE, ADDS, MOVING, SUMMED, VIEWS, DIMS };
enum { STRIDED, LISTED, LISTED_LANES }; /* kinds: with a list of slots, perhaps of lanes side by side */

/* A view in the innermost dimension: where it stands, and how far its next number is. */
typedef struct {
    const int32_t *list;
    int lanes;
    ptrdiff_t stride;
} along;

static inline along view_along(const int32_t *v, const int32_t *lists, int d)
{
    along found = {v[0] == STRIDED ? NULL : lists, v[0] == LISTED_LANES, v[2 + d]};
    return found;
}

static inline double number_at(const double *m, along v, ptrdiff_t at, ptrdiff_t j)
{
    return !v.list ? m[at + j * v.stride] : v.lanes ? m[v.list[at] + j] : m[v.list[at + j * v.stride]];
}

/* n numbers side by side: where they are, or in `room`. */
INLINE const double *numbers_at(const double *m, along v, ptrdiff_t at, ptrdiff_t j, ptrdiff_t n,
                                double *room)
{
    if (v.lanes) {
        return m + v.list[at] + j;
    }
    at += j * v.stride;
    if (v.list) {
        for (ptrdiff_t l = 0; l < n; l++) {
            room[l] = m[v.list[at + l * v.stride]];
        }
    } else if (v.stride == 1) {
        return m + at;
    } else {
        const double x = m[at];
        for (ptrdiff_t l = 0; l < n; l++) {
            room[l] = v.stride ? m[at + l * v.stride] : x;
        }
    }
    return room;
}

INLINE void put(double *m, along v, ptrdiff_t at, ptrdiff_t j, ptrdiff_t n, const double *from)
{
    if (v.list) {
        for (ptrdiff_t l = 0; l < n; l++) {
            m[v.lanes ? v.list[at] + j + l : v.list[at + (j + l) * v.stride]] = from[l];
        }
    } else if (v.stride == 1) {
        memcpy(m + at + j, from, n * sizeof *from);
    } else {
        for (ptrdiff_t l = 0; l < n; l++) {
            m[at + (j + l) * v.stride] = from[l];
        }
    }
}

#define X x[l]
#define Y y[l]
#define Z z[l]
#define W w[l]
#define N n_inputs
#define XS list

#define RULE(name, arity_, forward, shares)                                                        \
    case CODE_##name:                                                                              \
        for (ptrdiff_t l = 0; l < n; l++) {                                                        \
            t[l] = forward;                                                                        \
        }                                                                                          \
        break;

#define LIST(name, forward, shares)                                                                \
    case CODE_##name:                                                                              \
        for (ptrdiff_t l = 0; l < n; l++) {                                                        \
            for (int k = 0; k < n_inputs; k++) {                                                   \
                list[k] = number_at(m, view_along(v + k * size, lists, d), at[k], j + l);          \
            }                                                                                      \
            t[l] = forward;                                                                        \
        }                                                                                          \
        break;

/* A row of the table, for every lane of the innermost dimension d. `at` has where the views stand. */
INLINE void row(int code, double *m, const int32_t *v, const int32_t *lists, const ptrdiff_t *at,
                int size, int d, ptrdiff_t lanes, int n_inputs, double *list)
{
    double t[TILE], room[4][TILE];
    const along to = view_along(v, lists, d);
    const ptrdiff_t to_at = *at++;
    v += size;
    for (ptrdiff_t j = 0; j < lanes; j += TILE) {
        const ptrdiff_t n = lanes - j < TILE ? lanes - j : TILE;
        const double *in[4] = {t, t, t, t};
        for (int k = 0; k < n_inputs && k < 4; k++) {
            in[k] = numbers_at(m, view_along(v + k * size, lists, d), at[k], j, n, room[k]);
        }
        const double *x = in[0], *y = in[1], *z = in[2], *w = in[3];
        switch (code) {
#include "rules.h"
        }
        put(m, to, to_at, j, n, t);
    }
}

#undef X
#undef Y
#undef Z
#undef W
#undef N
#undef XS

/* How far it is to a view's next number: in the next lane, the next row of lanes, the next term. */
typedef struct {
    ptrdiff_t lane, row, term;
} steps;

/* Adds to n sums: products of what lies along p and q, or, without q, what lies along p. */
INLINE void add_terms(double *sum, ptrdiff_t n, ptrdiff_t terms, const double *p, steps ps,
                      const double *q, steps qs)
{
    double s[BLOCK];
    memcpy(s, sum, n * sizeof *s);
    for (ptrdiff_t k = 0; k < terms; k++, p += ps.term, q += q ? qs.term : 0) {
        for (ptrdiff_t l = 0; l < n; l++) {
            const double x = p[l * ps.lane];
            s[l] += q ? x * q[l * qs.lane] : x;
        }
    }
    memcpy(sum, s, n * sizeof *s);
}

#if defined(__GNUC__)
typedef double block __attribute__((vector_size(BLOCK * sizeof(double))));

INLINE block block_at(const double *p)
{
    block found;
    memcpy(&found, p, sizeof found);
    return found;
}

/* The same for ROWS rows of BLOCK sums, side by side; q must be there, and a lane stride be 0 or 1. */
INLINE void add_rows(double sum[][BLOCK], ptrdiff_t terms, const double *p, steps ps, const double *q,
                     steps qs, int p_lane, int q_lane)
{
    block s[ROWS];
    memcpy(s, sum, sizeof s);
    for (ptrdiff_t k = 0; k < terms; k++, p += ps.term, q += qs.term) {
        for (int r = 0; r < ROWS; r++) {
            const double *x = p + r * ps.row, *y = q + r * qs.row;
            if (p_lane && q_lane) {
                s[r] += block_at(x) * block_at(y);
            } else {
                s[r] += p_lane ? block_at(x) * *y : *x * block_at(y);
            }
        }
    }
    memcpy(sum, s, sizeof s);
}
#endif

/* The same for some rows of n sums. */
INLINE void add_by_stride(double sum[][BLOCK], int rows, ptrdiff_t n, ptrdiff_t terms,
                          const double *p, steps ps, const double *q, steps qs)
{
    const int p1 = ps.lane == 1, q1 = qs.lane == 1, p0 = !ps.lane, q0 = !qs.lane;
#if defined(__GNUC__)
    if (q && rows == ROWS && n == BLOCK && ((p1 && (q1 || q0)) || (p0 && q1))) {
        p1 && q1 ? add_rows(sum, terms, p, ps, q, qs, 1, 1)
        : p1     ? add_rows(sum, terms, p, ps, q, qs, 1, 0)
                 : add_rows(sum, terms, p, ps, q, qs, 0, 1);
        return;
    }
#endif
    const steps ps1 = {1, ps.row, ps.term}, qs1 = {1, qs.row, qs.term};
    for (int r = 0; r < rows; r++, p += ps.row, q += q ? qs.row : 0) {
        if (!q) {
            p1 ? add_terms(sum[r], n, terms, p, ps1, NULL, qs) : add_terms(sum[r], n, terms, p, ps, NULL, qs);
        } else if (p1 && q1) {
            add_terms(sum[r], n, terms, p, ps1, q, qs1);
        } else if (p1 && q0) {
            add_terms(sum[r], n, terms, p, ps1, q, (steps){0, qs.row, qs.term});
        } else if (p0 && q1) {
            add_terms(sum[r], n, terms, p, (steps){0, ps.row, ps.term}, q, qs1);
        } else {
            add_terms(sum[r], n, terms, p, ps, q, qs);
        }
    }
}

/* As `add_terms`, where a view has a list. */
INLINE void add_listed(double *sum, ptrdiff_t n, ptrdiff_t terms, const double *m, along p,
                       ptrdiff_t p_at, ptrdiff_t p_term, along q, ptrdiff_t q_at, ptrdiff_t q_term,
                       int two, ptrdiff_t j)
{
    double room[2][BLOCK];
    for (ptrdiff_t k = 0; k < terms; k++, p_at += p_term, q_at += q_term) {
        const double *x = numbers_at(m, p, p_at, j, n, room[0]);
        const double *y = two ? numbers_at(m, q, q_at, j, n, room[1]) : x;
        for (ptrdiff_t l = 0; l < n; l++) {
            sum[l] += two ? x[l] * y[l] : x[l];
        }
    }
}

/* Steps to the next place along `n` dimensions from `first` on, the last of them first; 0 at the end. */
static inline int step(ptrdiff_t *at, int32_t *count, const int32_t *dims, const int32_t *v, int views,
                       int size, int first, int n)
{
    for (int d = first + n - 1; d >= first; d--) {
        const int more = ++count[d] < dims[d];
        for (int k = 0; k < views; k++) {
            at[k] += (ptrdiff_t)v[k * size + 2 + d] * (more ? 1 : 1 - dims[d]);
        }
        if (more) {
            return 1;
        }
        count[d] = 0;
    }
    return 0;
}

/* Sums of one loop along its last two moving dimensions, over all the dimensions it sums over. */
INLINE void sum_up(const int32_t *c, double *m, const int32_t *v, const int32_t *lists,
                   const ptrdiff_t *from, int32_t *count, int size)
{
    const int moving = c[MOVING], summed = c[SUMMED], two = c[VIEWS] == 3, d = moving - 1;
    const int last = moving + summed - 1;
    const int32_t *dims = c + DIMS;
    const ptrdiff_t lanes = dims[d], n_rows = moving > 1 ? dims[d - 1] : 1;
    const ptrdiff_t terms = summed ? dims[last] : 1;
    const along to = view_along(v, lists, d), p = view_along(v + size, lists, d);
    const along q = two ? view_along(v + 2 * size, lists, d) : p;
    const int listed = p.list || q.list;
    steps by[3] = {{0}};
    for (int k = 0; k < 2 + two; k++) {
        const int32_t *strides = v + k * size + 2;
        by[k] = (steps){strides[d], moving > 1 ? strides[d - 1] : 0, summed ? strides[last] : 0};
    }
    for (ptrdiff_t r = 0; r < n_rows;) {
        const int rows = !listed && n_rows - r >= ROWS ? ROWS : 1;
        for (ptrdiff_t j = 0; j < lanes; j += BLOCK) {
            const ptrdiff_t n = lanes - j < BLOCK ? lanes - j : BLOCK;
            double sum[ROWS][BLOCK];
            ptrdiff_t at[3];
            for (int k = 0; k < 3; k++) {
                at[k] = k < 2 + two ? from[k] + r * by[k].row : 0;
            }
            for (int i = 0; i < rows; i++) {
                for (ptrdiff_t l = 0; l < n; l++) {
                    sum[i][l] = c[ADDS] && !to.list ? m[at[0] + i * by[0].row + (j + l) * to.stride] : -0.0;
                }
            }
            do {
                const double *x = m + at[1] + j * p.stride, *y = two ? m + at[2] + j * q.stride : NULL;
                if (listed) {
                    add_listed(sum[0], n, terms, m, p, at[1], by[1].term, q, at[2], by[2].term, two, j);
                } else {
                    add_by_stride(sum, rows, n, terms, x, by[1], y, by[2]);
                }
            } while (summed > 1 && step(at, count, dims, v, 2 + two, size, moving, summed - 1));
            for (int i = 0; i < rows; i++) {
                const ptrdiff_t place = from[0] + (r + i) * by[0].row;
                if (!to.list || !c[ADDS]) {
                    put(m, to, place, j, n, sum[i]);
                    continue;
                }
                for (ptrdiff_t l = 0; l < n; l++) { /* several lanes may go to one slot */
                    m[to.lanes ? to.list[place] + j + l : to.list[place + (j + l) * to.stride]] += sum[i][l];
                }
            }
        }
        r += rows;
    }
}

/* Runs loops; `at` and `list` have room for as many things as a loop has views. */
INLINE void run_all(double *m, const int32_t *c, const int32_t *end, const int32_t *lists,
                    ptrdiff_t *at, double *list)
{
    while (c < end) {
        const int moving = c[MOVING], n_dims = moving + c[SUMMED], views = c[VIEWS], size = 2 + n_dims;
        const int32_t *dims = c + DIMS, *v = dims + n_dims;
        int32_t count[MOST_DIMS] = {0};
        for (int k = 0; k < views; k++) {
            at[k] = v[k * size + 1];
        }
        const int sums = c[CODE] == CODE_total || c[CODE] == CODE_inner;
        do {
            if (sums) {
                sum_up(c, m, v, lists, at, count, size);
            } else {
                row(c[CODE], m, v, lists, at, size, moving - 1, dims[moving - 1], views - 1, list);
            }
        } while (step(at, count, dims, v, views, size, 0, moving - 1 - (sums && moving > 1)));
        c = v + views * size;
    }
}

FOR_EACH_MACHINE
static void run_loops(double *m, const int32_t *c, const int32_t *end, const int32_t *lists,
                      ptrdiff_t *at, double *list)
{
    run_all(m, c, end, lists, at, list);
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

PyDoc_STRVAR(run_doc,
"run(loops, lists, views, memory)\n\n"
"Run loops on memory; none has more views, nor more than MOST_DIMS dimensions.");

static PyObject *run(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    array a[2], memory;
    if (count != 4) {
        return PyErr_Format(PyExc_TypeError, "run takes 4 arguments");
    }
    const Py_ssize_t views = PyLong_AsSsize_t(args[2]);
    if ((views == -1 && PyErr_Occurred()) || !get_arrays(args, "ii", a)) {
        return NULL;
    }
    if (!get_arrays(args + 3, "D", &memory)) {
        release(a, 2);
        return NULL;
    }
    ptrdiff_t *at = PyMem_Malloc(views * (sizeof *at + sizeof(double)) + 1);
    if (at) {
        const int32_t *loops = a[0].at;
        Py_BEGIN_ALLOW_THREADS
        run_loops(memory.at, loops, loops + a[0].n, a[1].at, at, (double *)(at + views));
        Py_END_ALLOW_THREADS
    }
    release(a, 2);
    release(&memory, 1);
    PyMem_Free(at);
    return at ? Py_NewRef(Py_None) : PyErr_NoMemory();
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

/* Whether x is a float, or an int that a float holds, which is the next number then. Runs no Python. */
static int take_number(PyObject *x, walk *w)
{
    if (w->at >= w->end || !(PyFloat_Check(x) || PyLong_Check(x)) || PyBool_Check(x)) {
        return 0;
    }
    const double number = PyFloat_Check(x) ? PyFloat_AS_DOUBLE(x) : PyLong_AsDouble(x);
    if (number == -1.0 && PyErr_Occurred()) {
        PyErr_Clear(); /* too large; whoever asks finds better words */
        return 0;
    }
    if (PyLong_Check(x) && fabs(number) > 9007199254740992.0) {
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
        || PyModule_AddFunctions(module, tape_methods) < 0
        || PyModule_AddObject(module, "FINGERPRINT", PyLong_FromUnsignedLong(VG_FINGERPRINT)) < 0;
    Py_XDECREF(found);
    return failed ? -1 : PyModule_AddIntConstant(module, "MOST_DIMS", MOST_DIMS);
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
