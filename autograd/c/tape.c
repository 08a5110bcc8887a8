/* Tapes in C: what autograd/replaying does with every operation of a tape, and every node of a graph.

   All of this is written down in Python too, where it says what it is for; the tests hold the two
   together. */

#include "replay.h"

#include <stdlib.h>
#include <string.h>

#include "node.h"

/* ---- loops over a tape in which every step needs the one before: see replaying/kernels.py ---- */

PyDoc_STRVAR(levels_doc, "levels(level, start, ins, least): as in kernels.py; `level` is filled up.");

static PyObject *levels(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    array a[3];
    const long least = count == 4 ? PyLong_AsLong(args[3]) : 0;
    if (count != 4 || (least == -1 && PyErr_Occurred()) || !get_arrays(args, "Iii", a)) {
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "levels takes 4 arguments");
    }
    int32_t *level = a[0].at, *start = a[1].at, *ins = a[2].at;
    const Py_ssize_t n = a[1].n - 1, sources = a[0].n - n;
    for (Py_ssize_t i = 0; i < n; i++) {
        int32_t top = 0;
        for (int32_t e = start[i]; e < start[i + 1]; e++) {
            if (ins[e] >= 0 && level[ins[e]] > top) {
                top = level[ins[e]];
            }
        }
        level[sources + i] = top ? top + 1 : (int32_t)least;
    }
    release(a, 3);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(reach_doc, "reach(found, start, ins): as in kernels.py; `found` is filled up.");

static PyObject *reach(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    array a[3];
    if (count != 3 || !get_arrays(args, "Bii", a)) {
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "reach takes 3 arguments");
    }
    char *found = a[0].at;
    int32_t *start = a[1].at, *ins = a[2].at;
    const Py_ssize_t n = a[1].n - 1, sources = a[0].n - n;
    for (Py_ssize_t i = n; i--;) {
        for (int32_t e = start[i]; found[sources + i] && e < start[i + 1]; e++) {
            if (ins[e] >= 0) {
                found[ins[e]] = 1;
            }
        }
    }
    release(a, 3);
    Py_RETURN_NONE;
}

/* ---- a recorded graph, flat: see flatten in replaying/tape.py ---- */

/* What is known of a birth since the recording began. */
typedef struct {
    Node *node;     /* NULL: the roots do not need it */
    PyObject *past; /* of a node that shows no inputs, for no gradient goes through it: (row, inputs) */
    int32_t id;     /* of an operation; -1 of a leaf, which is a constant */
} birth;

/* A node from outside: while the graph is read, -1 less its place among them stands for its birth. */
typedef struct {
    Node *node;
    long long born;
    int32_t id; /* of an input or a leaf; -1 of another, which is a constant */
} outsider;

enum { CODE, START, INS, SHUT, DATA, NUMBERS, PARTS, MOST_BIRTHS = 1 << 29 };

/* What flatten works with. As long as births are replaced, it runs no Python, which could see them or
   change the graph: it looks into no dict of nodes, and makes nothing that is garbage-collected. */
typedef struct {
    PyTypeObject *kind;
    PyObject *codes; /* a dict of rows, to which others are added as they are met */
    long long first, span;
    birth *since;
    outsider *outside;
    Py_ssize_t outsiders, room, inputs, sources, operations, operands, constants, numbers;
    double *number; /* the constants, one for each time that one is taken */
    PyObject *parts[PARTS];
} flattening;

/* Writes down that a node is needed by what was born at the place `before`; 0 if it is not from there. */
static inline int meet(flattening *f, PyObject *x, long long before)
{
    if (!PyObject_TypeCheck(x, f->kind) || NODE(x)->born - f->first >= before) {
        return 0; /* a Tensor, or a stale graph */
    }
    const long long place = NODE(x)->born - f->first;
    if (place >= 0) {
        f->since[place].node = NODE(x);
    } else if (NODE(x)->born >= 0) {
        if (f->outsiders == f->room) {
            f->room = f->room ? 2 * f->room : 256;
            outsider *more = PyMem_Realloc(f->outside, f->room * sizeof *more);
            if (!more) {
                return 0;
            }
            f->outside = more;
        }
        f->outside[f->outsiders] = (outsider){NODE(x), NODE(x)->born, -1};
        NODE(x)->born = -1 - f->outsiders++;
    }
    return 1;
}

static inline Py_ssize_t count_of(const birth *b)
{
    return b->past ? PyTuple_GET_SIZE(PyTuple_GET_ITEM(b->past, 1)) : b->node->count;
}

/* The i-th operand: a node, or NULL for a number. */
static inline PyObject *operand(const birth *b, Py_ssize_t i, double *number)
{
    if (!b->past) {
        PyObject *x = input(b->node, (uint32_t)i);
        *number = x ? 0.0 : number_of_input(b->node, (uint32_t)i);
        return x;
    }
    PyObject *x = PyTuple_GET_ITEM(PyTuple_GET_ITEM(b->past, 1), i);
    *number = PyFloat_CheckExact(x) ? PyFloat_AS_DOUBLE(x) : 0.0;
    return PyFloat_CheckExact(x) ? NULL : x;
}

/* Meets all that the roots need, the youngest first: a node is younger than its inputs. */
static int meet_all(flattening *f, PyObject *roots, PyObject *inputs, PyObject *pasts)
{
    PyObject *node, *past;
    for (Py_ssize_t at = 0; PyDict_Next(pasts, &at, &node, &past);) {
        const long long place = NODE(node)->born - f->first;
        if (place >= 0 && place < f->span && !NODE(node)->count) {
            f->since[place].past = past;
        }
    }
    for (; f->inputs < PyTuple_GET_SIZE(inputs); f->inputs++) {
        if (!meet(f, PyTuple_GET_ITEM(inputs, f->inputs), 0) || f->outsiders != f->inputs + 1) {
            return 0;
        }
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(roots); i++) {
        PyObject *x = PyTuple_GET_ITEM(roots, i);
        if (!PyFloat_CheckExact(x) && !meet(f, x, f->span)) {
            return 0;
        }
    }
    for (long long place = f->span; place--;) {
        const birth *b = f->since + place;
        const Py_ssize_t n = b->node ? count_of(b) : 0;
        f->operations += n > 0;
        f->operands += n;
        for (Py_ssize_t i = 0; i < n; i++) {
            double number;
            PyObject *x = operand(b, i, &number);
            if (x && !meet(f, x, place)) {
                return 0;
            }
            f->constants += !x || (NODE(x)->born < 0) == (NODE(x)->count > 0);
        }
    }
    return f->operands + PyTuple_GET_SIZE(roots) < INT32_MAX;
}

static int born_first(const void *left, const void *right)
{
    const long long a = ((const outsider *)left)->born, b = ((const outsider *)right)->born;
    return (a > b) - (a < b);
}

/* Gives the inputs their ids, and then the leaves from outside, the oldest first. */
static void name_sources(flattening *f)
{
    if (f->outsiders > f->inputs) {
        qsort(f->outside + f->inputs, (size_t)(f->outsiders - f->inputs), sizeof(outsider), born_first);
    }
    for (Py_ssize_t i = 0; i < f->outsiders; i++) {
        outsider *found = f->outside + i;
        found->node->born = -1 - i;
        found->id = i < f->inputs || !found->node->count ? (int32_t)f->sources++ : -1;
    }
}

/* The id of an operand; -1 for a constant, which is written down. */
static inline int32_t id_of(flattening *f, PyObject *x, double number)
{
    if (x) {
        const long long born = NODE(x)->born;
        const int32_t id = born < 0 ? f->outside[-1 - born].id : f->since[born - f->first].id;
        if (id >= 0) {
            return id;
        }
        number = NODE(x)->data;
    }
    f->number[f->numbers++] = number;
    return -1;
}

/* The code of an operation; -1 with an error. */
static int code_of(flattening *f, const birth *b)
{
    if (!b->past && b->node->code <= CODE_total) {
        return b->node->code - 1;
    }
    PyObject *row = b->past ? PyTuple_GET_ITEM(b->past, 0) : b->node->wide->rule;
    if (Py_TYPE(row)->tp_hash != PyBaseObject_Type.tp_hash) {
        return -1;
    }
    PyObject *known = PyDict_GetItemWithError(f->codes, row);
    if (known) {
        return (int)PyLong_AsLong(known);
    }
    const Py_ssize_t code = USER + PyDict_GET_SIZE(f->codes) - CODE_total;
    PyObject *made = PyLong_FromSsize_t(code); /* a user's own row, or one that was replaced */
    const int fine = made && code < INT16_MAX && PyDict_SetItem(f->codes, row, made) == 0;
    Py_XDECREF(made);
    return fine ? (int)code : -1;
}

/* Room for n things in a new bytearray, which becomes a part; NULL on failure. */
static void *room_for(flattening *f, int part, Py_ssize_t n, size_t size)
{
    PyObject *made = f->parts[part] = PyByteArray_FromStringAndSize(NULL, n * (Py_ssize_t)size);
    return made ? PyByteArray_AS_STRING(made) : NULL;
}

/* Fills the parts: the operations, the oldest first, and behind the operands of all of them the roots. */
static int write_down(flattening *f, PyObject *roots)
{
    const Py_ssize_t n = f->operations, n_roots = PyTuple_GET_SIZE(roots), ends = f->operands + n_roots;
    int16_t *code = room_for(f, CODE, n, sizeof *code);
    int32_t *start = room_for(f, START, n + 1, sizeof *start), *ins = room_for(f, INS, ends, sizeof *ins);
    char *shut = room_for(f, SHUT, n, 1);
    double *data = room_for(f, DATA, n, sizeof *data), number;
    f->number = room_for(f, NUMBERS, f->constants + n_roots, sizeof number);
    if (!code || !start || !ins || !shut || !data || !f->number) {
        return 0;
    }
    *start = 0;
    for (birth *b = f->since, *last = b + f->span; b < last; b++) {
        const Py_ssize_t count = b->node ? count_of(b) : 0;
        b->id = -1;
        if (!count) {
            continue;
        }
        const int found = code_of(f, b);
        if (found < 0) {
            return 0;
        }
        for (Py_ssize_t i = 0; i < count; i++) {
            PyObject *x = operand(b, i, &number);
            *ins++ = id_of(f, x, number);
        }
        b->id = (int32_t)f->sources++;
        *code++ = (int16_t)found;
        *shut++ = b->past != NULL;
        *data++ = b->node->data;
        start[1] = *start + (int32_t)count;
        start++;
    }
    for (Py_ssize_t i = 0; i < n_roots; i++) {
        PyObject *x = PyTuple_GET_ITEM(roots, i);
        const int is_number = PyFloat_CheckExact(x);
        *ins++ = id_of(f, is_number ? NULL : x, is_number ? PyFloat_AS_DOUBLE(x) : 0.0);
    }
    return PyByteArray_Resize(f->parts[NUMBERS], f->numbers * (Py_ssize_t)sizeof number) == 0;
}

/* A list of the leaves from outside, or of those that were made while recording; the oldest first. */
static PyObject *leaves_of(const flattening *f, int since)
{
    PyObject *found = PyList_New(0);
    int failed = !found;
    for (Py_ssize_t i = f->inputs; !since && !failed && i < f->outsiders; i++) {
        failed = f->outside[i].id >= 0 && PyList_Append(found, (PyObject *)f->outside[i].node) < 0;
    }
    for (Py_ssize_t i = 0; since && !failed && i < f->span; i++) {
        const birth *b = f->since + i;
        failed = b->node && b->id < 0 && PyList_Append(found, (PyObject *)b->node) < 0;
    }
    if (failed) {
        Py_CLEAR(found);
    }
    return found;
}

PyDoc_STRVAR(flatten_doc,
"flatten(kind, roots, inputs, first, last, pasts, codes)\n"
"-> (leaves, fresh, code, start, ins, shut, data, numbers)\n\n"
"As in tape.py, for roots that are compiled nodes or floats; those born from first up to last were\n"
"made while recording. Rows without a code are added to `codes`. The roots stand behind `ins`, in which\n"
"every constant is -1, and stands in `numbers`.");

static PyObject *flatten(PyObject *self, PyObject *args)
{
    flattening f = {0};
    PyObject *roots, *inputs, *pasts, *found = NULL;
    long long last;
    if (!PyArg_ParseTuple(args, "O!O!O!LLO!O!", &PyType_Type, &f.kind, &PyTuple_Type, &roots,
                          &PyTuple_Type, &inputs, &f.first, &last, &PyDict_Type, &pasts,
                          &PyDict_Type, &f.codes)) {
        return NULL;
    }
    f.span = last - f.first;
    if (f.kind->tp_basicsize == sizeof(Node) && f.span >= 0 && f.span < MOST_BIRTHS) {
        f.since = PyMem_Calloc(f.span + 1, sizeof *f.since);
    }
    int fine = f.since && meet_all(&f, roots, inputs, pasts);
    if (fine) {
        name_sources(&f);
        fine = write_down(&f, roots);
    }
    for (Py_ssize_t i = 0; i < f.outsiders; i++) {
        f.outside[i].node->born = f.outside[i].born;
    }
    if (fine) {
        PyObject **p = f.parts;
        found = Py_BuildValue("(NNOOOOOO)", leaves_of(&f, 0), leaves_of(&f, 1), p[CODE], p[START],
                              p[INS], p[SHUT], p[DATA], p[NUMBERS]);
    } else if (!PyErr_Occurred()) {
        PyErr_SetString(PyExc_TypeError, "this graph is left to Python");
    }
    for (int i = 0; i < PARTS; i++) {
        Py_XDECREF(f.parts[i]);
    }
    PyMem_Free(f.since);
    PyMem_Free(f.outside);
    return found;
}

/* ---- leaves ---- */

static PyObject *each_leaf(PyObject *const *args, Py_ssize_t count, int add)
{
    array a;
    if (count != 3 || !PyType_Check(args[0]) || !get_arrays(args + 2, add ? "d" : "D", &a)) {
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "this takes 3 arguments");
    }
    PyTypeObject *kind = (PyTypeObject *)args[0];
    PyObject *leaves = args[1];
    int fine = kind->tp_basicsize == sizeof(Node) && PyList_CheckExact(leaves)
        && PyList_GET_SIZE(leaves) == a.n;
    for (Py_ssize_t i = 0; fine && i < a.n; i++) {
        fine = PyObject_TypeCheck(PyList_GET_ITEM(leaves, i), kind);
    }
    for (Py_ssize_t i = 0; fine && i < a.n; i++) {
        Node *leaf = NODE(PyList_GET_ITEM(leaves, i));
        double *number = (double *)a.at + i;
        if (add) {
            leaf->grad = leaf->flags & HAS_GRAD ? leaf->grad + *number : *number;
            leaf->flags |= HAS_GRAD;
        } else {
            *number = leaf->data;
        }
    }
    release(&a, 1);
    return fine ? Py_NewRef(Py_None) : PyErr_Format(PyExc_TypeError, "these are no leaves of this kind");
}

PyDoc_STRVAR(read_leaves_doc, "read_leaves(kind, leaves, numbers): fill in what they hold.");

static PyObject *read_leaves(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    return each_leaf(args, count, 0);
}

PyDoc_STRVAR(add_gradients_doc,
"add_gradients(kind, leaves, gradients): add to the .grad of each, under recording.lock.");

static PyObject *add_gradients(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    return each_leaf(args, count, 1);
}

PyMethodDef tape_methods[] = {
    {"levels", (PyCFunction)(void (*)(void))levels, METH_FASTCALL, levels_doc},
    {"reach", (PyCFunction)(void (*)(void))reach, METH_FASTCALL, reach_doc},
    {"flatten", flatten, METH_VARARGS, flatten_doc},
    {"read_leaves", (PyCFunction)(void (*)(void))read_leaves, METH_FASTCALL, read_leaves_doc},
    {"add_gradients", (PyCFunction)(void (*)(void))add_gradients, METH_FASTCALL, add_gradients_doc},
    {NULL, NULL, 0, NULL},
};
