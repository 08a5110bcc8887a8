/* Tapes in C: a recorded graph made flat, rewritten, differentiated and arranged for running.

   All of this is written down in Python too, in autograd/replaying, where it says what it is for;
   the tests hold the two together. */

#include "replay.h"

#include <structmember.h> /* PyMemberDef, which Python.h has since 3.12 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "node.h"

/* ---- memory ---- */

/* Memory that is freed all at once: blocks, each with a pointer to the one before. */
typedef struct block {
    struct block *before;
    size_t size, used;
} block;

typedef struct {
    block *last;
} arena;

/* A block that is kept for the next arena: to ask the system for memory takes longer than most of
   what is done with it. */
static block *kept;
enum { BLOCK = 1 << 22, MOST_KEPT = 1 << 26 };

/* Room for n things, all zero; NULL with an error. */
static void *scratch(arena *a, Py_ssize_t n, size_t size)
{
    const size_t wanted = ((size_t)(n + 1) * size + 15) / 16 * 16;
    if (!a->last || a->last->size - a->last->used < wanted) {
        block *b = kept && kept->size >= wanted ? kept : NULL;
        const size_t room = wanted > BLOCK ? wanted : BLOCK;
        if (b) {
            kept = NULL;
        } else if ((b = PyMem_Malloc(sizeof *b + room)) != NULL) {
            b->size = room;
        } else {
            PyErr_NoMemory();
            return NULL;
        }
        b->before = a->last;
        b->used = 0;
        a->last = b;
    }
    char *found = (char *)(a->last + 1) + a->last->used;
    a->last->used += wanted;
    return memset(found, 0, wanted);
}

static void free_all(arena *a)
{
    while (a->last) {
        block *b = a->last;
        a->last = b->before;
        if (b->size <= MOST_KEPT && (!kept || kept->size < b->size)) {
            block *smaller = kept;
            kept = b;
            b = smaller;
        }
        PyMem_Free(b);
    }
}

/* A list of things of `size` bytes that grows. */
typedef struct {
    char *at;
    Py_ssize_t n, room, size;
} growing;

static int grow(growing *list)
{
    const Py_ssize_t room = list->room ? 2 * list->room : 1024;
    char *at = PyMem_Realloc(list->at, room * list->size);
    if (!at) {
        PyErr_NoMemory();
        return 0;
    }
    list->at = at;
    list->room = room;
    return 1;
}

/* Room for one more; NULL with an error. */
static inline void *next_of(growing *list)
{
    return list->n < list->room || grow(list) ? list->at + list->n++ * list->size : NULL;
}

/* Makes it n things long; what was in it may be gone. */
static int resize(growing *list, Py_ssize_t n)
{
    if (n > list->room || !list->at) {
        PyMem_Free(list->at);
        list->room = list->n = 0;
        list->at = PyMem_Malloc((n + 1) * list->size);
        if (!list->at) {
            PyErr_NoMemory();
            return 0;
        }
        list->room = n;
    }
    list->n = n;
    return 1;
}

static PyObject *bytes_of(growing *list)
{
    return PyByteArray_FromStringAndSize(list->at, list->n * list->size);
}

/* Adds `value` to a list; on failure the function answers 0. */
#define PUSH(list, type, value)                                                                    \
    do {                                                                                           \
        type *room_ = next_of(&(list));                                                            \
        if (!room_) {                                                                              \
            return 0;                                                                              \
        }                                                                                          \
        *room_ = value;                                                                            \
    } while (0)

static uint64_t mixed(uint64_t hash, uint64_t x)
{
    hash = (hash ^ x) * 0x9E3779B97F4A7C15u;
    return hash ^ (hash >> 29);
}

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

enum { BORN, DATA, INPUTS, ROW, GRAD, PARTS_OF_A_NODE };
static const char *const part_names[] = {"_born", "_data", "_inputs", "_rule", "_grad"};

/* An entry of a small cache of nodes from outside. */
typedef struct {
    PyObject *node;
    int32_t place; /* among all of them */
} recent;

enum { RECENT = 8192, MOST_PLACES = 1 << 29 }; /* so that -2 - 2 k is an int32 */

/* An operation as it was read. */
typedef struct {
    double data;
    int32_t place, count, code, shut;
} reading;

/* What flatten works with. Nodes born since `start` have places, by their births.

   The graph is read once, the youngest node first, and written down with inputs as they are met: the
   place of a node, or -1 - 2 k for the k-th node from outside, or -2 - 2 k for the k-th constant.
   What they are called in the tape is known when all has been met. */
typedef struct {
    PyTypeObject *kind;
    int compiled; /* whether its nodes are those of node.h; else they have their parts in slots */
    Py_ssize_t offset[PARTS_OF_A_NODE]; /* of each part, from the start of a node */
    int64_t start, span;
    PyObject *pasts;        /* a dict: node -> (row, inputs) */
    PyObject *codes, *user; /* dicts: of the table's rows, and of others that were met */
    PyObject *fresh;        /* a list: leaves that were made while recording */
    growing since;          /* by place: the node, if it was met */
    growing read, ins;      /* operations, the youngest first, and their inputs, the last first */
    PyObject *known;        /* a dict: of each node from outside, its place among them */
    growing outside;        /* those nodes */
    growing roots;          /* what was asked for, as inputs are written down */
    Py_ssize_t inputs;      /* the first of those from outside */
    recent recent[RECENT];  /* what `known` would answer */
    growing constants, table; /* the constants' bits, and a hash table of their places */
} flattening;

static PyObject *part(const flattening *f, PyObject *node, int which)
{
    PyObject *found = *(PyObject **)((char *)node + f->offset[which]);
    if (!found) {
        PyErr_SetString(PyExc_AttributeError, part_names[which]);
    }
    return found;
}

/* Nodes are borrowed: the arguments keep them alive, and nothing runs Python that could change a
   graph, as a subclass that has a hash of its own would. */
static int is_node(const flattening *f, PyObject *x)
{
    return PyObject_TypeCheck(x, f->kind) && Py_TYPE(x)->tp_hash == f->kind->tp_hash;
}

static int find_parts(flattening *f)
{
    for (int i = 0; i < PARTS_OF_A_NODE; i++) {
        PyObject *found = PyObject_GetAttrString((PyObject *)f->kind, part_names[i]);
        const int is_slot = found && Py_IS_TYPE(found, &PyMemberDescr_Type);
        f->offset[i] = is_slot ? ((PyMemberDescrObject *)found)->d_member->offset : 0;
        Py_XDECREF(found);
        if (!is_slot) {
            PyErr_Format(PyExc_TypeError, "%s keeps its parts elsewhere", f->kind->tp_name);
            return 0;
        }
    }
    return 1;
}

static int64_t born(const flattening *f, PyObject *node)
{
    PyObject *number = f->compiled ? NULL : part(f, node, BORN);
    return f->compiled ? NODE(node)->born : number ? PyLong_AsLongLong(number) : -1;
}

static double number_held(const flattening *f, PyObject *node)
{
    PyObject *data = f->compiled ? NULL : part(f, node, DATA);
    return f->compiled ? NODE(node)->data : data ? PyFloat_AsDouble(data) : -1.0;
}

/* A node's place among those born since the start; -1 if it is from outside, -2 on failure. */
static int64_t place_of(flattening *f, PyObject *node)
{
    const int64_t place = born(f, node) - f->start;
    if (place >= f->span || (!f->compiled && PyErr_Occurred())) {
        PyErr_SetString(PyExc_RuntimeError, "a node was born while its graph was flattened");
        return -2;
    }
    return place < 0 ? -1 : place;
}

/* An operation: what its node was computed from, shown or not. */
typedef struct {
    PyObject *node;
    PyObject *inputs; /* a tuple; NULL: read the node */
    PyObject *row;    /* NULL: read the node */
    Py_ssize_t count; /* 0 for a leaf */
    int shut;         /* whether the node does not show its inputs */
} operation;

/* An input: a node, or a number. */
typedef struct {
    PyObject *node;
    double number;
} operand;

static int read_operation(const flattening *f, PyObject *node, operation *op)
{
    *op = (operation){.node = node};
    if (f->compiled) {
        op->count = NODE(node)->count;
    } else {
        op->inputs = part(f, node, INPUTS);
        op->count = op->inputs ? PyTuple_GET_SIZE(op->inputs) : 0;
        op->row = op->count ? part(f, node, ROW) : NULL;
    }
    if (op->count) {
        return 1;
    }
    PyObject *past = PyDict_GetItemWithError(f->pasts, node);
    if (past) {
        op->shut = 1;
        op->row = PyTuple_GET_ITEM(past, 0);
        op->inputs = PyTuple_GET_ITEM(past, 1);
        op->count = PyTuple_GET_SIZE(op->inputs);
    }
    return !PyErr_Occurred();
}

static int read_operand(const flattening *f, const operation *op, Py_ssize_t i, operand *x)
{
    if (!op->inputs) {
        x->node = input(NODE(op->node), (uint32_t)i);
        x->number = x->node ? 0.0 : number_of_input(NODE(op->node), (uint32_t)i);
    } else {
        PyObject *found = PyTuple_GET_ITEM(op->inputs, i);
        const int is_number = PyFloat_CheckExact(found);
        x->node = is_number ? NULL : found;
        x->number = is_number ? PyFloat_AS_DOUBLE(found) : 0.0;
    }
    if (x->node && !is_node(f, x->node)) {
        PyErr_Format(PyExc_TypeError, "a replay runs on Values, and one was computed from %R", x->node);
        return 0;
    }
    return 1;
}

/* The place of a constant among them, -1 on failure. Equal numbers share one; all nans do. */
static int32_t constant(flattening *f, double x)
{
    uint64_t bits;
    x = x != x ? NAN : x;
    memcpy(&bits, &x, sizeof bits);
    if (2 * f->constants.n >= f->table.n) { /* a table of twice the size, and all into it again */
        const Py_ssize_t size = f->table.n ? 2 * f->table.n : 64;
        if (!resize(&f->table, size)) {
            return -1;
        }
        memset(f->table.at, 0, size * sizeof(int32_t));
        for (int32_t i = 0; i < f->constants.n; i++) {
            int32_t *table = (int32_t *)f->table.at;
            Py_ssize_t at = mixed(0, ((uint64_t *)f->constants.at)[i]) & (size - 1);
            while (table[at]) {
                at = (at + 1) & (size - 1);
            }
            table[at] = i + 1;
        }
    }
    int32_t *table = (int32_t *)f->table.at;
    Py_ssize_t at = mixed(0, bits) & (f->table.n - 1);
    for (; table[at]; at = (at + 1) & (f->table.n - 1)) {
        if (((uint64_t *)f->constants.at)[table[at] - 1] == bits) {
            return table[at] - 1;
        }
    }
    uint64_t *slot = next_of(&f->constants);
    if (!slot) {
        return -1;
    }
    *slot = bits;
    table[at] = (int32_t)f->constants.n;
    return table[at] - 1;
}

/* The place of a node among those from outside, -1 on failure. */
static int32_t outsider(flattening *f, PyObject *node)
{
    recent *held = f->recent + mixed(0, (uintptr_t)node) % RECENT;
    if (held->node == node) {
        return held->place;
    }
    PyObject *known = PyDict_GetItemWithError(f->known, node);
    int32_t place = known ? (int32_t)PyLong_AsLong(known) : (int32_t)f->outside.n;
    if (!known) {
        PyObject **slot = PyErr_Occurred() ? NULL : next_of(&f->outside);
        PyObject *number = slot ? PyLong_FromLong(place) : NULL;
        if (slot) {
            *slot = node;
        }
        if (!number || PyDict_SetItem(f->known, node, number) < 0) {
            place = -1;
        }
        Py_XDECREF(number);
    }
    *held = (recent){node, place};
    return place;
}

/* Meets a node: how it is written down, or INT32_MIN on failure. */
static inline int32_t meet(flattening *f, PyObject *node)
{
    const int64_t place = f->compiled ? NODE(node)->born - f->start : place_of(f, node);
    if (place >= 0 && place < f->span) {
        ((PyObject **)f->since.at)[place] = node;
        return (int32_t)place;
    }
    if (place == -2 || place >= f->span) {
        if (place_of(f, node) == -2) { /* which says why */
            return INT32_MIN;
        }
    }
    const int32_t other = outsider(f, node);
    return other < 0 ? INT32_MIN : -1 - 2 * other;
}

static int code_of(flattening *f, const operation *op, int16_t *code)
{
    PyObject *row = op->row;
    if (!row) {
        *code = (int16_t)(NODE(op->node)->code - 1);
        if (*code < CODE_total) {
            return 1;
        }
        row = NODE(op->node)->wide->rule;
    }
    if (Py_TYPE(row)->tp_hash != PyBaseObject_Type.tp_hash) {
        PyErr_SetString(PyExc_TypeError, "a rule has a hash of its own");
        return 0;
    }
    PyObject *known = PyDict_GetItemWithError(f->codes, row);
    if (!known && !PyErr_Occurred()) {
        known = PyDict_GetItemWithError(f->user, row);
    }
    if (!known && !PyErr_Occurred()) { /* a user's own, or one that was replaced */
        PyObject *made = PyLong_FromSsize_t(USER + PyDict_GET_SIZE(f->user));
        if (made && PyDict_SetItem(f->user, row, made) == 0) {
            known = made; /* which the dict keeps */
        }
        Py_XDECREF(made);
    }
    *code = known ? (int16_t)PyLong_AsLong(known) : 0;
    return known != NULL;
}

/* How an input is written down, or INT32_MIN on failure. */
static inline int32_t said_of(flattening *f, const operation *op, Py_ssize_t i)
{
    operand x;
    if (!read_operand(f, op, i, &x)) {
        return INT32_MIN;
    }
    if (x.node) {
        return meet(f, x.node);
    }
    const int32_t k = constant(f, x.number);
    return k < 0 ? INT32_MIN : -2 - 2 * k;
}

/* Writes everything down that is under the nodes met so far; a node is younger than its inputs. */
static int explore(flattening *f)
{
    for (int64_t place = f->span; place--;) {
        PyObject *node = ((PyObject **)f->since.at)[place];
        operation op;
        int16_t code;
        if (!node) {
            continue;
        }
        if (!read_operation(f, node, &op)) {
            return 0;
        }
        if (!op.count) {
            if (PyList_Append(f->fresh, node) < 0) {
                return 0;
            }
            continue;
        }
        for (Py_ssize_t i = op.count; i--;) {
            const int32_t said = said_of(f, &op, i);
            if (said == INT32_MIN || said > place) {
                if (said > place) {
                    PyErr_SetString(PyExc_RuntimeError, "the graph is stale");
                }
                return 0;
            }
            PUSH(f->ins, int32_t, said);
        }
        if (!code_of(f, &op, &code)) {
            return 0;
        }
        const reading all = {number_held(f, node), (int32_t)place, (int32_t)op.count, code, op.shut};
        PUSH(f->read, reading, all);
    }
    return !PyErr_Occurred();
}

/* What the tape calls things. */
typedef struct {
    int32_t *since, *outside; /* by place; INT32_MIN where that is a constant */
    int32_t *constant;        /* by place; 0 if it is not in use so far */
    int32_t constants;        /* how many are */
} named;

static int32_t name_of_constant(named *names, int32_t k)
{
    if (!names->constant[k]) {
        names->constant[k] = -++names->constants;
    }
    return names->constant[k];
}

/* The id of what was written down; INT32_MIN on failure. */
static int32_t name_of(flattening *f, named *names, int32_t said)
{
    PyObject *node = NULL;
    int32_t k;
    if (said >= 0) {
        if (names->since[said] != INT32_MIN) {
            return names->since[said];
        }
        node = ((PyObject **)f->since.at)[said];
    } else if ((-1 - said) % 2 == 0) {
        if (names->outside[(-1 - said) / 2] != INT32_MIN) {
            return names->outside[(-1 - said) / 2];
        }
        node = ((PyObject **)f->outside.at)[(-1 - said) / 2];
    }
    k = node ? constant(f, number_held(f, node)) : (-2 - said) / 2;
    return k < 0 || PyErr_Occurred() ? INT32_MIN : name_of_constant(names, k);
}

static int born_first(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* A list of the leaves from outside, the oldest first; names for them and for the inputs. */
static PyObject *name_sources(flattening *f, named *names, arena *a)
{
    struct { int64_t born; int32_t place; } *order = scratch(a, f->outside.n, sizeof *order);
    Py_ssize_t n = 0;
    const Py_ssize_t n_inputs = f->inputs;
    if (!order) {
        return NULL;
    }
    for (int32_t i = 0; i < f->outside.n; i++) {
        PyObject *node = ((PyObject **)f->outside.at)[i];
        operation op;
        names->outside[i] = i < n_inputs ? i : INT32_MIN;
        if (!read_operation(f, node, &op)) {
            return NULL;
        }
        if (i >= n_inputs && !op.count) {
            order[n].born = born(f, node);
            order[n++].place = i;
        }
    }
    qsort(order, (size_t)n, sizeof *order, born_first);
    PyObject *leaves = PyList_New(n);
    for (Py_ssize_t i = 0; leaves && i < n; i++) {
        names->outside[order[i].place] = (int32_t)(n_inputs + i);
        PyList_SET_ITEM(leaves, i, Py_NewRef(((PyObject **)f->outside.at)[order[i].place]));
    }
    return leaves;
}

/* The operations, the oldest first, into the arrays of a tape. */
static int write_down(flattening *f, named *names, int32_t sources, int16_t *code, int32_t *start,
                      int32_t *ins, char *shut, double *data)
{
    const Py_ssize_t n = f->read.n;
    Py_ssize_t edge = f->ins.n;
    start[0] = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        const reading *op = (reading *)f->read.at + n - 1 - i;
        code[i] = (int16_t)op->code;
        shut[i] = (char)op->shut;
        data[i] = op->data;
        start[i + 1] = start[i] + op->count;
        for (int32_t k = 0; k < op->count; k++) {
            const int32_t name = name_of(f, names, ((int32_t *)f->ins.at)[--edge]);
            if (name == INT32_MIN) {
                return 0;
            }
            ins[start[i] + k] = name;
        }
        names->since[op->place] = sources + (int32_t)i;
    }
    return 1;
}

/* A new bytearray of n things, and where it has them. */
static PyObject *room_for(Py_ssize_t n, size_t size, void *at)
{
    PyObject *made = PyByteArray_FromStringAndSize(NULL, n * (Py_ssize_t)size);
    *(void **)at = made ? PyByteArray_AS_STRING(made) : NULL;
    return made;
}

/* Reads the graph: 1, or 0 on failure. */
static int read_all(flattening *f, PyObject *roots, PyObject *inputs)
{
    f->inputs = PyTuple_GET_SIZE(inputs);
    for (Py_ssize_t i = 0; i < f->inputs; i++) {
        PyObject *x = PyTuple_GET_ITEM(inputs, i);
        if (!is_node(f, x) || outsider(f, x) != i) {
            if (!PyErr_Occurred()) {
                PyErr_SetString(PyExc_TypeError, "an input comes twice, or is no node");
            }
            return 0;
        }
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(roots); i++) {
        PyObject *x = PyTuple_GET_ITEM(roots, i);
        int32_t said = INT32_MIN;
        if (is_node(f, x)) {
            said = meet(f, x);
        } else {
            const double number = PyFloat_AsDouble(x);
            const int32_t k = PyErr_Occurred() ? -1 : constant(f, number);
            said = k < 0 ? INT32_MIN : -2 - 2 * k;
        }
        if (said == INT32_MIN) {
            return 0;
        }
        PUSH(f->roots, int32_t, said);
    }
    return explore(f);
}

static PyObject *flattened(flattening *f, PyObject *roots, PyObject *inputs, arena *a)
{
    if (!read_all(f, roots, inputs)) {
        return NULL;
    }
    const Py_ssize_t n_roots = f->roots.n;
    named names = {scratch(a, f->span, sizeof(int32_t)), scratch(a, f->outside.n, sizeof(int32_t)),
                   scratch(a, f->constants.n + PyList_GET_SIZE(f->fresh) + f->outside.n,
                           sizeof(int32_t)), 0};
    if (!names.since || !names.outside || !names.constant) {
        return NULL;
    }
    for (int64_t i = 0; i < f->span; i++) {
        names.since[i] = INT32_MIN;
    }
    PyObject *leaves = name_sources(f, &names, a);
    const int32_t sources = (int32_t)(f->inputs + (leaves ? PyList_GET_SIZE(leaves) : 0));
    const Py_ssize_t n = f->read.n;
    int16_t *code;
    int32_t *start, *ins, *ids;
    char *shut;
    double *data, *numbers;
    PyObject *parts[] = {
        room_for(n, sizeof *code, &code),    room_for(n + 1, sizeof *start, &start),
        room_for(f->ins.n, sizeof *ins, &ins), room_for(n, 1, &shut),
        room_for(n, sizeof *data, &data),    room_for(n_roots, sizeof *ids, &ids),
    };
    enum { PARTS = sizeof parts / sizeof *parts };
    int fine = leaves != NULL;
    for (int i = 0; i < PARTS; i++) {
        fine &= parts[i] != NULL;
    }
    fine = fine && write_down(f, &names, sources, code, start, ins, shut, data);
    for (Py_ssize_t i = 0; fine && i < n_roots; i++) {
        ids[i] = name_of(f, &names, ((int32_t *)f->roots.at)[i]);
        fine = ids[i] != INT32_MIN;
    }
    PyObject *constants = fine ? room_for(names.constants, sizeof *numbers, &numbers) : NULL;
    for (Py_ssize_t k = 0; constants && k < f->constants.n; k++) {
        if (names.constant[k]) {
            numbers[-1 - names.constant[k]] = ((double *)f->constants.at)[k];
        }
    }
    if (constants) {
        return Py_BuildValue("(ONONNNNNNNN)", Py_None, leaves, f->fresh, PyDict_Keys(f->user),
                             parts[0], parts[1], parts[2], parts[3], parts[4], constants, parts[5]);
    }
    Py_XDECREF(leaves);
    for (int i = 0; i < PARTS; i++) {
        Py_XDECREF(parts[i]);
    }
    return NULL;
}

/* The memory of the last flattening, for the next: to ask the system for it takes as long as to
   read the graph. */
static flattening *spare;
enum { MOST_SPARE = 1 << 25 };

/* All the lists of a flattening, emptied or freed; how much memory they have. */
static Py_ssize_t each_list(flattening *f, int freed)
{
    growing *lists[] = {&f->since, &f->read, &f->ins, &f->outside, &f->roots, &f->constants,
                        &f->table};
    Py_ssize_t total = 0;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        total += lists[i]->room * lists[i]->size;
        lists[i]->n = 0;
        if (freed) {
            PyMem_Free(lists[i]->at);
        }
    }
    return total;
}

static flattening *begin_flattening(void)
{
    flattening *f = spare ? spare : PyMem_Calloc(1, sizeof *f);
    spare = NULL;
    if (!f) {
        PyErr_NoMemory();
        return NULL;
    }
    f->since.size = f->outside.size = sizeof(PyObject *);
    f->read.size = sizeof(reading);
    f->ins.size = f->table.size = f->roots.size = sizeof(int32_t);
    f->constants.size = sizeof(double);
    memset(f->recent, 0, sizeof f->recent);
    f->known = PyDict_New();
    f->user = PyDict_New();
    f->fresh = PyList_New(0);
    return f;
}

static void end_flattening(flattening *f)
{
    Py_CLEAR(f->known);
    Py_CLEAR(f->user);
    Py_CLEAR(f->fresh);
    if (each_list(f, 0) <= MOST_SPARE && !spare) {
        spare = f;
        return;
    }
    each_list(f, 1);
    PyMem_Free(f);
}

#define READING "O!pO!O!LLO!O!"

/* What was read of a graph, to compare another with. */
static const char reading_name[] = "autograd._replay.reading";

static void drop_reading(PyObject *capsule)
{
    end_flattening(PyCapsule_GetPointer(capsule, reading_name));
}

/* Begins to read a graph, as flatten and is_alike are told. */
static flattening *begin_reading(PyObject *args, PyObject **roots, PyObject **inputs)
{
    flattening *f = begin_flattening();
    PyObject *kind;
    long long first, last;
    if (!f) {
        return NULL;
    }
    int fine = f->known && f->user && f->fresh
        && PyArg_ParseTuple(args, READING, &PyType_Type, &kind, &f->compiled, &PyTuple_Type, roots,
                            &PyTuple_Type, inputs, &first, &last, &PyDict_Type, &f->pasts,
                            &PyDict_Type, &f->codes);
    if (fine) {
        f->kind = (PyTypeObject *)kind;
        f->start = first;
        f->span = last - first;
        fine = f->span < MOST_PLACES;
        if (!fine) {
            PyErr_SetString(PyExc_TypeError, "too many nodes were made while recording");
        }
        fine = fine && resize(&f->since, f->span);
    }
    if (fine) {
        memset(f->since.at, 0, f->span * sizeof(PyObject *));
        fine = f->compiled ? f->kind->tp_basicsize == sizeof(Node) : find_parts(f);
        if (!fine && !PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "the engine was built from another node.h");
        }
    }
    if (!fine) {
        end_flattening(f);
        return NULL;
    }
    return f;
}

PyDoc_STRVAR(flatten_doc,
"flatten(kind, compiled, roots, inputs, first, last, pasts, codes)\n"
"-> (reading, leaves, fresh, user's rows, code, start, ins, shut, data, constants, ids)\n\n"
"As in tape.py, for nodes of a kind that keeps its parts in slots, or is compiled; those born from\n"
"first up to last were made while recording. The reading is for `is_alike`.");

static PyObject *flatten(PyObject *self, PyObject *args)
{
    PyObject *roots, *inputs;
    flattening *f = begin_reading(args, &roots, &inputs);
    if (!f) {
        return NULL;
    }
    arena a = {NULL};
    PyObject *answer = flattened(f, roots, inputs, &a);
    free_all(&a);
    PyObject *reading = answer ? PyCapsule_New(f, reading_name, drop_reading) : NULL;
    if (!reading) {
        Py_CLEAR(answer);
        end_flattening(f);
        return NULL;
    }
    Py_DECREF(PyTuple_GET_ITEM(answer, 0)); /* None, until now */
    PyTuple_SET_ITEM(answer, 0, reading);
    return answer;
}

static int same_list(const growing *a, const growing *b)
{
    return a->n == b->n && (a->n == 0 || !memcmp(a->at, b->at, a->n * a->size));
}

/* Whether leaves that were made on the way hold the same numbers. */
static int same_fresh(const flattening *a, const flattening *b)
{
    const Py_ssize_t n = PyList_GET_SIZE(a->fresh);
    int same = n == PyList_GET_SIZE(b->fresh);
    for (Py_ssize_t i = 0; same && i < n; i++) {
        const double x = number_held(a, PyList_GET_ITEM(a->fresh, i));
        const double y = number_held(b, PyList_GET_ITEM(b->fresh, i));
        same = memcmp(&x, &y, sizeof x) == 0;
    }
    return same;
}

/* Whether two readings are surely of the same operations on the same leaves and constants; to those
   of `a` the numbers of leaves were added when it got names. A graph that has constants from outside
   is left to Python, which sees whether they have changed. */
static int alike(const flattening *a, const flattening *b)
{
    const growing constants = {a->constants.at, b->constants.n, 0, a->constants.size};
    if (!same_list(&a->read, &b->read) || !same_list(&a->ins, &b->ins)
        || !same_list(&a->roots, &b->roots) || a->constants.n < b->constants.n
        || !same_list(&constants, &b->constants) || !same_fresh(a, b)
        || a->inputs != b->inputs || a->outside.n != b->outside.n) {
        return 0;
    }
    for (Py_ssize_t i = a->inputs; i < b->outside.n; i++) {
        PyObject *node = ((PyObject **)b->outside.at)[i];
        operation op;
        if (((PyObject **)a->outside.at)[i] != node || !read_operation(b, node, &op) || op.count) {
            return 0;
        }
    }
    return 1;
}

PyDoc_STRVAR(is_alike_doc,
"is_alike(reading, ...) -> (whether it is, fresh, user's rows)\n\n"
"Whether the graph that the other arguments tell of, as for `flatten`, is made as that one was.");

static PyObject *is_alike(PyObject *self, PyObject *args)
{
    const Py_ssize_t n = PyTuple_GET_SIZE(args);
    const flattening *first = n ? PyCapsule_GetPointer(PyTuple_GET_ITEM(args, 0), reading_name) : NULL;
    PyObject *rest = first ? PyTuple_GetSlice(args, 1, n) : NULL, *roots, *inputs, *answer = NULL;
    flattening *f = rest ? begin_reading(rest, &roots, &inputs) : NULL;
    if (f && read_all(f, roots, inputs)) {
        answer = Py_BuildValue("(NON)", PyBool_FromLong(alike(first, f)), f->fresh,
                               PyDict_Keys(f->user));
    }
    if (f) {
        end_flattening(f);
    }
    Py_XDECREF(rest);
    return answer;
}

/* ---- leaves ---- */

/* Whether `leaves` is a list of nodes of a kind, as long as the numbers; how to read them is in f. */
static int are_leaves(flattening *f, PyObject *leaves, Py_ssize_t n)
{
    int fine = f->compiled ? f->kind->tp_basicsize == sizeof(Node) : find_parts(f);
    fine = fine && PyList_CheckExact(leaves) && PyList_GET_SIZE(leaves) == n;
    for (Py_ssize_t i = 0; fine && i < n; i++) {
        fine = PyObject_TypeCheck(PyList_GET_ITEM(leaves, i), f->kind);
    }
    if (!fine && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_TypeError, "these are no leaves of this kind");
    }
    return fine;
}

static int add_gradient(const flattening *f, PyObject *leaf, double g)
{
    if (f->compiled) {
        NODE(leaf)->grad = NODE(leaf)->flags & HAS_GRAD ? NODE(leaf)->grad + g : g;
        NODE(leaf)->flags |= HAS_GRAD;
        return 1;
    }
    PyObject **slot = (PyObject **)((char *)leaf + f->offset[GRAD]);
    const double held = *slot ? PyFloat_AsDouble(*slot) : 0.0;
    PyObject *sum = PyErr_Occurred() ? NULL : PyFloat_FromDouble(*slot ? held + g : g);
    if (!sum) {
        return 0;
    }
    Py_XSETREF(*slot, sum);
    return 1;
}

static PyObject *each_leaf(PyObject *const *args, Py_ssize_t count, int add)
{
    array a;
    if (count != 4 || !PyType_Check(args[0]) || !get_arrays(args + 3, add ? "d" : "D", &a)) {
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "this takes 4 arguments");
    }
    flattening *f = PyMem_Calloc(1, sizeof *f);
    int fine = f != NULL;
    if (fine) {
        f->kind = (PyTypeObject *)args[0];
        f->compiled = PyObject_IsTrue(args[1]);
        fine = are_leaves(f, args[2], a.n);
    } else {
        PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; fine && i < a.n; i++) {
        PyObject *leaf = PyList_GET_ITEM(args[2], i);
        double *number = (double *)a.at + i;
        if (add) {
            fine = add_gradient(f, leaf, *number);
        } else {
            *number = number_held(f, leaf);
            fine = f->compiled || !PyErr_Occurred();
        }
    }
    PyMem_Free(f);
    release(&a, 1);
    return fine ? Py_NewRef(Py_None) : NULL;
}

PyDoc_STRVAR(read_leaves_doc, "read_leaves(kind, compiled, leaves, numbers): fill in what they hold.");

static PyObject *read_leaves(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    return each_leaf(args, count, 0);
}

PyDoc_STRVAR(add_gradients_doc,
"add_gradients(kind, compiled, leaves, gradients): add to the .grad of each, under recording.lock.");

static PyObject *add_gradients(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    return each_leaf(args, count, 1);
}

PyMethodDef tape_methods[] = {
    {"levels", (PyCFunction)(void (*)(void))levels, METH_FASTCALL, levels_doc},
    {"reach", (PyCFunction)(void (*)(void))reach, METH_FASTCALL, reach_doc},
    {"flatten", flatten, METH_VARARGS, flatten_doc},
    {"is_alike", is_alike, METH_VARARGS, is_alike_doc},
    {"read_leaves", (PyCFunction)(void (*)(void))read_leaves, METH_FASTCALL, read_leaves_doc},
    {"add_gradients", (PyCFunction)(void (*)(void))add_gradients, METH_FASTCALL, add_gradients_doc},
    {NULL, NULL, 0, NULL},
};
