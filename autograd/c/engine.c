/* The compiled twin of `value.py` and of the walk in `graph.py`. It holds no formula of its own:
   what a row computes and hands back is printed from the table into `rules.h`.

   The rule that keeps it small: C does what is usual, and whatever is not goes to the Python code
   that the class `Scalar` has for it. Other operands than Values, floats and ints, a subclass, a
   mode that is switched on, a rule that is not the table's, an error: all are Python's. It works on
   nodes made here through attributes of the same private names (`_data`, `_inputs`, ...).

   All of it runs under the GIL. Whatever may run Python (a call, the making of a container, which may
   collect garbage, the loss of a reference) comes before a graph is marked or after it is put in
   order again, and no reference is borrowed across it. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <stdint.h>

#ifdef Py_GIL_DISABLED
#error "nodes are not locked here: without the GIL the engine is the one in Python"
#endif

#include "node.h"
#include "rules.h"

/* ---- the rows ------------------------------------------------------------------------------- */

enum {
    NO_RULE, /* of a leaf; 0, so that a node fresh from object.__new__ is one */
#define RULE(NAME, ARITY, FORWARD, SHARES) VG_##NAME,
#define LIST(NAME, FORWARD, SHARES) VG_##NAME,
#include "rules.h"
    OTHER_RULE, /* one that is not printed: the node keeps it, and Python asks it */
};
enum { ROWS_END = OTHER_RULE, LIST_ARITY = 0, MOST_INPUTS = 4 };

static const char *const row_names[] = {
    "",
#define RULE(NAME, ARITY, FORWARD, SHARES) #NAME,
#define LIST(NAME, FORWARD, SHARES) #NAME,
#include "rules.h"
};

static const unsigned char row_arities[] = {
    0,
#define RULE(NAME, ARITY, FORWARD, SHARES) ARITY,
#define LIST(NAME, FORWARD, SHARES) LIST_ARITY,
#include "rules.h"
    0,
};

/* What a row of 1 to 4 inputs computes. With a constant code nothing of the switch is left. */
static inline double compute(int code, double X, double Y, double Z, double W)
{
    switch (code) {
#define RULE(NAME, ARITY, FORWARD, SHARES) \
    case VG_##NAME:                        \
        return FORWARD;
#define LIST(NAME, FORWARD, SHARES)
#include "rules.h"
    }
    return NAN;
}

static double compute_list(int code, ptrdiff_t N, const double *XS)
{
    switch (code) {
#define RULE(NAME, ARITY, FORWARD, SHARES)
#define LIST(NAME, FORWARD, SHARES) \
    case VG_##NAME:                 \
        return FORWARD;
#include "rules.h"
    }
    return compute(code, XS[0], N > 1 ? XS[1] : 0.0, N > 2 ? XS[2] : 0.0, N > 3 ? XS[3] : 0.0);
}

static int code_of_name(const char *name)
{
    for (int code = NO_RULE + 1; code < ROWS_END; code++) {
        if (strcmp(name, row_names[code]) == 0) {
            return code;
        }
    }
    return NO_RULE;
}

/* ---- what is shared with Python ------------------------------------------------------------- */

static PyTypeObject *value_type; /* Value; while it is NULL, all functions go to Python */
static PyObject *scalar;         /* the class that has the behaviour, in Python */
static PyObject *rules;          /* the dict RULES */
static PyObject *row_rules[ROWS_END]; /* the table's own Rule of each row */
static PyObject *code_of_rule;        /* and back */
static PyObject *altered;             /* the table's Rules whose columns have been changed, a set */
static PyObject *watched;             /* recording.watched: a new node as the settings want it */
static PyObject *acquire, *release;   /* of recording.lock: whoever adds to a .grad holds it */
static long long last_born;
static PyObject *active, *watching; /* recording.active and recording.watching, sets */

static inline bool is_on(PyObject *modes)
{
    return PySet_GET_SIZE(modes) > 0;
}

/* Python's own versions of what is done here, taken from Scalar. */
static struct {
    PyObject *data, *grad, *backward, *truth, *compare[6], *left[ROWS_END], *right[ROWS_END];
} plain;

/* ---- a node --------------------------------------------------------------------------------- */

static inline bool is_value(PyObject *x)
{
    return Py_IS_TYPE(x, value_type);
}

static inline double *numbers_in(Wide *wide, Py_ssize_t count)
{
    return (double *)(wide->node + count);
}

static Wide *new_wide(size_t count)
{
    const size_t size = sizeof(Wide) + count * (sizeof(PyObject *) + sizeof(double));
    Wide *wide = PyMem_Malloc(size);
    if (wide == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    memset(wide, 0, size);
    return wide;
}

static void drop_wide(Wide *wide, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_XDECREF(wide->node[i]);
    }
    Py_XDECREF(wide->rule);
    PyMem_Free(wide);
}

/* Drop the inputs of a node that nothing refers to any more. */
static void drop_inputs(const Node *self)
{
    if (self->flags & FIRST_IS_NODE) {
        Py_DECREF(self->two[0].node);
    }
    if (self->flags & SECOND_IS_NODE) {
        Py_DECREF(self->two[1].node);
    }
    if (self->flags & WIDE) {
        drop_wide(self->wide, self->count);
    }
}

/* ---- the garbage collector ------------------------------------------------------------------ */

static int value_is_gc(PyObject *op)
{
    return !(NODE(op)->flags & BARE);
}

/* Whether the garbage collector tracks a node, and so must track what is computed from it. */
static inline bool is_tracked(PyObject *x)
{
    return x != NULL && !(NODE(x)->flags & BARE) && PyObject_GC_IsTracked(x);
}

/* Never called for a BARE node. There is nothing to clear: a cycle leads through something else. */
static int value_traverse(PyObject *op, visitproc visit, void *arg)
{
    const Node *self = NODE(op);
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->extra);
    if (self->flags & WIDE) {
        Py_VISIT(self->wide->rule);
    }
    for (uint32_t i = 0; i < self->count; i++) {
        Py_VISIT(input(self, i));
    }
    return 0;
}

/* ---- freeing -------------------------------------------------------------------------------- */

/* A long chain is not freed by recursion: beyond a depth, dead nodes wait in a list. */
enum { DEEPEST = 50 };
static int depth;
static Node *waiting;

static void free_node(Node *self)
{
    PyTypeObject *type = Py_TYPE(self);
    drop_inputs(self);
    Py_CLEAR(self->extra);
    type->tp_free(self);
    Py_DECREF(type);
}

static void value_free(void *op)
{
    if (NODE(op)->flags & BARE) {
        PyObject_Free(op);
    } else {
        PyObject_GC_Del(op);
    }
}

static void value_dealloc(PyObject *op)
{
    Node *self = NODE(op);
    if (!(self->flags & BARE)) {
        PyObject_GC_UnTrack(op);
    }
    if (depth >= DEEPEST) {
        self->next = waiting;
        waiting = self;
        return;
    }
    depth++;
    free_node(self);
    while (depth == 1 && waiting != NULL) {
        self = waiting;
        waiting = self->next;
        free_node(self);
    }
    depth--;
}

/* ---- recording ------------------------------------------------------------------------------ */

/* Whether x is a plain number that C may take as it stands; the number. */
static inline bool as_number(PyObject *x, double *number)
{
    if (PyFloat_CheckExact(x)) {
        *number = PyFloat_AS_DOUBLE(x);
        return true;
    }
    if (!PyLong_CheckExact(x) && !PyBool_Check(x)) {
        return false;
    }
    *number = PyLong_AsDouble(x);
    if (*number == -1.0 && PyErr_Occurred()) { /* beyond all floats: Python says so better */
        PyErr_Clear();
        return false;
    }
    return true;
}

static inline Node *filled(Node *self, int code, double data, long long born, unsigned flags)
{
    self->data = data;
    self->grad = 0.0;
    self->born = born;
    self->code = (uint16_t)code;
    self->flags = (uint16_t)flags;
    self->count = 0;
    self->extra = NULL;
    return self;
}

/* A node for the garbage collector. Its inputs may be rebound while memory is asked for, and garbage
   collected: then it is older than they are, and stale. */
static Node *new_tracked_node(int code, double data)
{
    const long long born = ++last_born;
    Node *self = PyObject_GC_New(Node, value_type);
    return self == NULL ? NULL : filled(self, code, data, born, 0);
}

static inline Node *new_node(int code, double data, bool tracked)
{
    if (tracked) {
        return new_tracked_node(code, data);
    }
    Node *self = PyObject_Malloc(sizeof(Node));
    if (self == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    PyObject_Init((PyObject *)self, value_type);
    return filled(self, code, data, ++last_born, BARE);
}

/* A new node as the settings of this thread want it. */
static inline PyObject *recorded(Node *self)
{
    if (!(self->flags & BARE)) {
        PyObject_GC_Track(self);
    }
    if (!is_on(watching)) {
        return (PyObject *)self;
    }
    PyObject *result = PyObject_CallOneArg(watched, (PyObject *)self);
    Py_DECREF(self);
    return result;
}

static inline PyObject *record_one(PyObject *a, int code)
{
    Node *self = new_node(code, compute(code, NODE(a)->data, 0.0, 0.0, 0.0), is_tracked(a));
    if (self == NULL) {
        return NULL;
    }
    self->count = 1;
    self->flags |= FIRST_IS_NODE;
    self->two[0].node = Py_NewRef(a);
    return recorded(self);
}

static inline PyObject *record_two(PyObject *a, double x, PyObject *b, double y, int code)
{
    Node *self = new_node(code, compute(code, x, y, 0.0, 0.0), is_tracked(a) || is_tracked(b));
    if (self == NULL) {
        return NULL;
    }
    self->count = 2;
    if (a != NULL) {
        self->flags |= FIRST_IS_NODE;
        self->two[0].node = Py_NewRef(a);
    } else {
        self->two[0].number = x;
    }
    if (b != NULL) {
        self->flags |= SECOND_IS_NODE;
        self->two[1].node = Py_NewRef(b);
    } else {
        self->two[1].number = y;
    }
    return recorded(self);
}

/* Record a row on inputs that `wide` has borrowed, and that become the node's. */
static PyObject *record_wide(Wide *wide, uint32_t count, int code)
{
    unsigned shared = BARE; /* the flags that all have */
    bool tracked = false;
    for (uint32_t i = 0; i < count; i++) {
        shared &= wide->node[i] != NULL ? NODE(Py_NewRef(wide->node[i]))->flags : BARE;
    }
    for (uint32_t i = 0; i < count && !(shared & BARE); i++) {
        tracked |= is_tracked(wide->node[i]);
    }
    Node *self = new_node(code, compute_list(code, count, numbers_in(wide, count)), tracked);
    if (self == NULL) {
        drop_wide(wide, count);
        return NULL;
    }
    self->count = count;
    self->flags |= WIDE;
    self->wide = wide;
    return recorded(self);
}

/* x as an operand: whether it is a Value or a plain number; its number, and the Value or NULL. */
static inline bool as_operand(PyObject *x, PyObject **node, double *number)
{
    if (is_value(x)) {
        *node = x;
        *number = NODE(x)->data;
        return true;
    }
    *node = NULL;
    return as_number(x, number);
}

/* ---- operators ------------------------------------------------------------------------------ */

/* What Python's method of Scalar makes of the operands. */
static PyObject *operator_in_python(PyObject *a, PyObject *b, int code)
{
    const bool left = PyObject_TypeCheck(a, value_type);
    PyObject *method = left ? plain.left[code] : plain.right[code];
    return left ? PyObject_CallFunctionObjArgs(method, a, b, NULL)
                : PyObject_CallFunctionObjArgs(method, b, a, NULL);
}

static inline PyObject *operate(PyObject *a, PyObject *b, int code)
{
    PyObject *left, *right;
    double x, y;
    if (as_operand(a, &left, &x) && as_operand(b, &right, &y)) {
        return record_two(left, x, right, y, code);
    }
    return operator_in_python(a, b, code);
}

static inline PyObject *operate_on_one(PyObject *a, int code)
{
    return is_value(a) ? record_one(a, code) : PyObject_CallOneArg(plain.left[code], a);
}

#define OF_TWO(NAME)                                           \
    static PyObject *value_##NAME(PyObject *a, PyObject *b)    \
    {                                                          \
        return operate(a, b, VG_##NAME);                       \
    }
#define OF_ONE(NAME)                              \
    static PyObject *value_##NAME(PyObject *a)    \
    {                                             \
        return operate_on_one(a, VG_##NAME);      \
    }
OF_TWO(add)
OF_TWO(sub)
OF_TWO(mul)
OF_TWO(div)
OF_TWO(floordiv)
OF_TWO(mod)
OF_ONE(neg)
OF_ONE(identity)
OF_ONE(abs)

static PyObject *value_pow(PyObject *a, PyObject *b, PyObject *modulus)
{
    if (modulus != Py_None) { /* a TypeError, of Python's making */
        return PyObject_CallFunctionObjArgs(plain.left[VG_pow], a, b, modulus, NULL);
    }
    return operate(a, b, VG_pow);
}

/* The operators' names in Python, for what is not done here. */
static const struct {
    int code;
    const char *left, *right;
} operator_names[] = {
    {VG_add, "__add__", "__radd__"},
    {VG_sub, "__sub__", "__rsub__"},
    {VG_mul, "__mul__", "__rmul__"},
    {VG_div, "__truediv__", "__rtruediv__"},
    {VG_floordiv, "__floordiv__", "__rfloordiv__"},
    {VG_mod, "__mod__", "__rmod__"},
    {VG_pow, "__pow__", "__rpow__"},
    {VG_neg, "__neg__", NULL},
    {VG_identity, "__pos__", NULL},
    {VG_abs, "__abs__", NULL},
};

/* ---- comparisons: each leaves a note, as `autograd/support/comparisons.py` has it ----------- */

enum { NOTE_DEPTH = 2, NOTE_WIDTH = 4, NOTE_UNDER = 64 };
static PyObject *keep_note; /* comparisons.noted.append, once somebody has compared */
static PyObject *get_inputs(PyObject *op, void *closure), *get_rule(PyObject *op, void *closure);
static const char *const note_names[] = {"lt", "le", "eq", "ne", "gt", "ge"};

/* Add the births of the leaves under a node; 0 if that is too much to look at, -1 for an error. */
static int leaves_under(PyObject *x, PyObject *births, int *visits)
{
    if (++*visits > NOTE_UNDER || !PyObject_TypeCheck(x, value_type)) {
        return 0;
    }
    const Node *self = NODE(x);
    if (self->count == 0) {
        PyObject *born = PyLong_FromLongLong(self->born);
        const int added = born == NULL ? -1 : PySet_Add(births, born);
        Py_XDECREF(born);
        return added < 0 ? -1 : 1;
    }
    int going = 1;
    for (uint32_t i = 0; going == 1 && i < self->count; i++) {
        if (input(self, i) != NULL) {
            going = leaves_under(input(self, i), births, visits);
        }
    }
    return going;
}

/* The births of the leaves under a node as a set, or None. */
static PyObject *leaves_of(PyObject *x)
{
    PyObject *births = PyFrozenSet_New(NULL);
    int visits = 0;
    const int going = births == NULL ? -1 : leaves_under(x, births, &visits);
    if (going == 1) {
        return births;
    }
    Py_XDECREF(births);
    return going < 0 ? NULL : Py_NewRef(Py_None);
}

/* A side of a comparison: a number; or the birth, row, number and inputs of a node. */
static PyObject *side_of(PyObject *x, int depth)
{
    if (PyFloat_CheckExact(x)) {
        return Py_NewRef(x);
    }
    if (!PyObject_TypeCheck(x, value_type)) {
        PyObject *born = PyObject_GetAttrString(x, "_born");
        return Py_BuildValue("(NOOO)", born, Py_None, Py_None, Py_None);
    }
    const Node *self = NODE(x);
    PyObject *inputs;
    if (self->count != 0 && (depth == 0 || self->count > NOTE_WIDTH)) {
        inputs = leaves_of(x);
    } else {
        inputs = get_inputs(x, NULL);
        for (Py_ssize_t i = 0; inputs != NULL && i < PyTuple_GET_SIZE(inputs); i++) {
            PyObject *input = PyTuple_GET_ITEM(inputs, i), *side = side_of(input, depth - 1);
            if (side == NULL) {
                Py_CLEAR(inputs);
                break;
            }
            PyTuple_SET_ITEM(inputs, i, side);
            Py_DECREF(input);
        }
    }
    return Py_BuildValue("(LNdN)", self->born, get_rule(x, NULL), self->data, inputs);
}

/* Keep a note of a comparison of numbers, and return its outcome; -1 for an error. */
static int noted(PyObject *self, PyObject *other, double y, int op, int outcome)
{
    PyObject *left = side_of(self, NOTE_DEPTH), *right = PyFloat_FromDouble(y);
    if (PyObject_TypeCheck(other, value_type)) {
        Py_XSETREF(right, side_of(other, NOTE_DEPTH));
    }
    PyObject *note = Py_BuildValue("(sNNOLO)", note_names[op], left, right,
                                   outcome ? Py_True : Py_False, ++last_born, Py_None);
    PyObject *done = note == NULL ? NULL : PyObject_CallOneArg(keep_note, note);
    Py_XDECREF(note);
    Py_XDECREF(done);
    return done == NULL ? -1 : outcome;
}

static int value_bool(PyObject *self)
{
    if (keep_note != NULL && !is_on(active)) {
        return noted(self, Py_None, 0.0, Py_NE, NODE(self)->data != 0);
    }
    PyObject *answer = PyObject_CallOneArg(plain.truth, self);
    const int truth = answer == NULL ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    return truth;
}

/* A number to compare with, if a double holds it exactly. */
static inline bool as_comparable(PyObject *x, double *number)
{
    if (PyObject_TypeCheck(x, value_type)) {
        *number = NODE(x)->data;
        return true;
    }
    return as_number(x, number) && (PyFloat_CheckExact(x) || fabs(*number) < 0x1p53);
}

static PyObject *value_compare(PyObject *self, PyObject *other, int op)
{
    double x, y;
    if (keep_note == NULL || is_on(active) || !as_comparable(self, &x) ||
        !as_comparable(other, &y)) {
        return PyObject_CallFunctionObjArgs(plain.compare[op], self, other, NULL);
    }
    const bool less = x < y, equal = x == y, more = x > y;
    const bool outcomes[] = {less, less || equal, equal, !equal, more, more || equal};
    const int outcome = noted(self, other, y, op, outcomes[op]);
    return outcome < 0 ? NULL : PyBool_FromLong(outcome);
}

static const char *const comparison_names[] = {"__lt__", "__le__", "__eq__",
                                               "__ne__", "__gt__", "__ge__"};

/* ---- functions ------------------------------------------------------------------------------ */

struct Operation;

/* What an operation makes of arguments by position; NULL without an error where Python shall do it. */
typedef PyObject *(*Way)(const struct Operation *self, PyObject *const *args, Py_ssize_t count);

/* A function or a method that is done here where it can be, and in Python elsewhere. */
typedef struct Operation {
    PyObject_HEAD
    vectorcallfunc call;
    Way in_c;
    PyObject *python; /* the function it stands for */
    PyObject *name;   /* of its row */
    int code;
    bool is_method;
} Operation;

#define OPERATION(x) ((Operation *)(x))

/* Whether the row is still the table's: somebody may have put another in its place. */
static inline bool is_current(const Operation *self)
{
    return value_type != NULL &&
           (self->is_method ||
            PyDict_GetItemWithError(rules, self->name) == row_rules[self->code]);
}

static PyObject *call_operation(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *names)
{
    const Operation *self = OPERATION(op);
    if (names == NULL && self->in_c != NULL && is_current(self)) {
        PyObject *result = self->in_c(self, args, PyVectorcall_NARGS(nargsf));
        if (result != NULL || PyErr_Occurred()) {
            return result;
        }
    }
    return PyObject_Vectorcall(self->python, args, nargsf, names);
}

/* Operands as the inputs of a row with more than two. NULL without an error: not for C. */
static Wide *wide_of(PyObject *const *xs, Py_ssize_t count, bool *any_node, bool *any_int)
{
    Wide *wide = new_wide((size_t)count);
    if (wide == NULL) {
        return NULL;
    }
    double *numbers = numbers_in(wide, count);
    *any_node = *any_int = false;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!as_operand(xs[i], &wide->node[i], &numbers[i])) {
            PyMem_Free(wide);
            return NULL;
        }
        *any_node |= wide->node[i] != NULL;
        *any_int |= wide->node[i] == NULL && !PyFloat_CheckExact(xs[i]);
    }
    return wide;
}

/* A row on operands; NULL without an error where Python shall do it. */
static PyObject *apply(const Operation *self, PyObject *const *xs, Py_ssize_t count)
{
    bool any_node, any_int;
    Wide *wide = wide_of(xs, count, &any_node, &any_int);
    if (wide == NULL) {
        return NULL;
    }
    if (any_node) {
        return record_wide(wide, (uint32_t)count, self->code);
    }
    const double number = any_int ? 0.0 : compute_list(self->code, count, numbers_in(wide, count));
    PyMem_Free(wide);
    return any_int ? NULL : PyFloat_FromDouble(number);
}

static PyObject *apply_to_one(const Operation *self, PyObject *a)
{
    if (is_value(a)) {
        return record_one(a, self->code);
    }
    if (PyFloat_CheckExact(a) && !self->is_method) {
        return PyFloat_FromDouble(compute(self->code, PyFloat_AS_DOUBLE(a), 0.0, 0.0, 0.0));
    }
    return NULL;
}

static PyObject *apply_to_two(const Operation *self, PyObject *a, PyObject *b)
{
    PyObject *left, *right;
    double x, y;
    if (!as_operand(a, &left, &x) || !as_operand(b, &right, &y)) {
        return NULL;
    }
    if (left != NULL || (right != NULL && !self->is_method)) {
        return record_two(left, x, right, y, self->code);
    }
    if (PyFloat_CheckExact(a) && PyFloat_CheckExact(b) && !self->is_method) {
        return PyFloat_FromDouble(compute(self->code, x, y, 0.0, 0.0));
    }
    return NULL;
}

/* f(x, y): a function of operands. */
static PyObject *row_in_c(const Operation *self, PyObject *const *args, Py_ssize_t count)
{
    const Py_ssize_t arity = row_arities[self->code];
    if (count == 0 || (arity != LIST_ARITY && count != arity)) {
        return NULL;
    }
    return arity == 1   ? apply_to_one(self, args[0])
           : arity == 2 ? apply_to_two(self, args[0], args[1])
                        : apply(self, args, count);
}

/* The items of a list or a tuple that is not empty, if that is all that was given. */
static PyObject *const *items_of(PyObject *xs, Py_ssize_t *count)
{
    *count = 0;
    if (!PyList_CheckExact(xs) && !PyTuple_CheckExact(xs)) {
        return NULL;
    }
    *count = PySequence_Fast_GET_SIZE(xs);
    return *count > 0 ? PySequence_Fast_ITEMS(xs) : NULL;
}

/* f([x, y, ...]): a function of a list. */
static PyObject *list_in_c(const Operation *self, PyObject *const *args, Py_ssize_t count)
{
    Py_ssize_t n;
    PyObject *const *xs = count == 1 ? items_of(args[0], &n) : NULL;
    return xs == NULL ? NULL : apply(self, xs, n);
}

/* The items of two lists, one after the other, in new memory; NULL without an error: not for C. */
static PyObject **joined(PyObject *left, PyObject *right, Py_ssize_t *count)
{
    Py_ssize_t n, m;
    PyObject *const *xs = items_of(left, &n), *const *ys = items_of(right, &m);
    if (xs == NULL || ys == NULL || n != m) {
        return NULL;
    }
    PyObject **all = PyMem_New(PyObject *, (size_t)(n + m));
    if (all == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    memcpy(all, xs, (size_t)n * sizeof *all);
    memcpy(all + n, ys, (size_t)m * sizeof *all);
    *count = n + m;
    return all;
}

/* f([x, ...], [y, ...]): a function of two lists of one length. */
static PyObject *lists_in_c(const Operation *self, PyObject *const *args, Py_ssize_t count)
{
    Py_ssize_t n;
    PyObject **xs = count == 2 ? joined(args[0], args[1], &n) : NULL;
    PyObject *result = xs == NULL ? NULL : apply(self, xs, n);
    PyMem_Free(xs);
    return result;
}

/* One answer for each item, of the row whose first input it is. */
static PyObject *each_first(const Operation *self, PyObject *const *items, Py_ssize_t count)
{
    PyObject **xs = PyMem_New(PyObject *, 2 * (size_t)count), **turned = xs + count;
    if (xs == NULL) {
        return PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        xs[i] = Py_NewRef(items[i]); /* a list may change while garbage is collected */
    }
    PyObject *answers = PyList_New(count);
    for (Py_ssize_t i = 0; answers != NULL && i < count; i++) {
        turned[0] = xs[i];
        memcpy(turned + 1, xs, (size_t)i * sizeof *xs);
        memcpy(turned + 1 + i, xs + i + 1, (size_t)(count - i - 1) * sizeof *xs);
        PyObject *answer = apply(self, turned, count);
        if (answer == NULL) {
            Py_CLEAR(answers);
        } else {
            PyList_SET_ITEM(answers, i, answer);
        }
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_DECREF(xs[i]);
    }
    PyMem_Free(xs);
    return answers;
}

/* [f(x, others), ...]: an answer for each item of a list. */
static PyObject *each_in_c(const Operation *self, PyObject *const *args, Py_ssize_t count)
{
    Py_ssize_t n;
    PyObject *const *xs = count == 1 && !is_on(active) ? items_of(args[0], &n) : NULL;
    return xs == NULL ? NULL : each_first(self, xs, n);
}

/* where(condition, x, y), whose condition is a bool, or a Value that is asked whether it is 0. */
static PyObject *where_in_c(const Operation *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 3 || is_on(active) || !(PyBool_Check(args[0]) || is_value(args[0])) ||
        !(is_value(args[1]) || is_value(args[2]))) {
        return NULL;
    }
    const int holds = is_value(args[0]) ? value_bool(args[0]) : args[0] == Py_True;
    PyObject *xs[] = {holds ? Py_True : Py_False, args[1], args[2]};
    return holds < 0 ? NULL : apply(self, xs, 3);
}

static void operation_dealloc(PyObject *op)
{
    Operation *self = OPERATION(op);
    PyTypeObject *type = Py_TYPE(op);
    Py_DECREF(self->python);
    Py_DECREF(self->name);
    type->tp_free(op);
    Py_DECREF(type);
}

/* Its name, its documentation and the like are those of the Python function. */
static PyObject *operation_getattro(PyObject *self, PyObject *name)
{
    PyObject *found = PyObject_GenericGetAttr(self, name);
    if (found != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError)) {
        return found;
    }
    PyErr_Clear();
    return PyObject_GetAttr(OPERATION(self)->python, name);
}

static PyObject *operation_of_python(PyObject *self, void *attribute)
{
    return PyObject_GetAttrString(OPERATION(self)->python, attribute);
}

static int operation_to_python(PyObject *self, PyObject *value, void *attribute)
{
    return PyObject_SetAttrString(OPERATION(self)->python, attribute, value);
}

static PyObject *operation_repr(PyObject *self)
{
    return PyObject_Repr(OPERATION(self)->python);
}

/* Bound as a function is. */
static PyObject *operation_get(PyObject *self, PyObject *object, PyObject *type)
{
    (void)type;
    return object == NULL || object == Py_None ? Py_NewRef(self) : PyMethod_New(self, object);
}

/* Copied and pickled as a function is: by name. */
static PyObject *operation_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyObject_GetAttrString(OPERATION(self)->python, "__qualname__");
}

static PyMethodDef operation_methods[] = {
    {"__reduce__", operation_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef operation_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Operation, call), READONLY, NULL},
    {"__wrapped__", T_OBJECT, offsetof(Operation, python), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

/* Those that a type has too, and would answer for. */
static PyGetSetDef operation_getset[] = {
    {"__doc__", operation_of_python, operation_to_python, NULL, "__doc__"},
    {"__module__", operation_of_python, operation_to_python, NULL, "__module__"},
    {NULL, NULL, NULL, NULL, NULL},
};

/* What is Python's own is filled in when it runs: C on Windows knows no such constants. */
static void fill_slot(PyType_Slot *slots, int slot, void *function)
{
    while (slots->slot != slot) {
        slots++;
    }
    slots->pfunc = function;
}

static PyType_Slot operation_slots[] = {
    {Py_tp_dealloc, operation_dealloc}, {Py_tp_getattro, operation_getattro},
    {Py_tp_repr, operation_repr},       {Py_tp_descr_get, operation_get},
    {Py_tp_call, NULL},                 {Py_tp_methods, operation_methods},
    {Py_tp_members, operation_members}, {Py_tp_getset, operation_getset},
    {0, NULL},
};

static PyType_Spec operation_spec = {
    .name = "autograd._engine.Operation",
    .basicsize = sizeof(Operation),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = operation_slots,
};

static PyTypeObject *operation_type;

static const struct {
    const char *name;
    Way in_c;
} ways[] = {
    {"row", row_in_c},     {"method", row_in_c}, {"list", list_in_c},
    {"lists", lists_in_c}, {"each", each_in_c},  {"where", where_in_c},
};

/* operation(name, python, way): `python`, done in C where it can be; as it is where no row is. */
static PyObject *make_operation(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *name, *way;
    PyObject *python;
    if (!PyArg_ParseTuple(args, "sOs:operation", &name, &python, &way)) {
        return NULL;
    }
    const int code = code_of_name(name);
    if (code == NO_RULE) {
        return Py_NewRef(python);
    }
    PyObject *interned = PyUnicode_InternFromString(name);
    Operation *self = interned == NULL ? NULL : PyObject_New(Operation, operation_type);
    if (self == NULL) {
        Py_XDECREF(interned);
        return NULL;
    }
    self->call = call_operation;
    self->in_c = NULL;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (strcmp(way, ways[i].name) == 0) {
            self->in_c = ways[i].in_c;
        }
    }
    self->python = Py_NewRef(python);
    self->name = interned;
    self->code = code;
    self->is_method = strcmp(way, "method") == 0;
    return (PyObject *)self;
}

/* ---- the parts of a node, as Python has them ------------------------------------------------ */

static PyObject *get_data(PyObject *self, void *closure)
{
    (void)closure;
    if (is_on(active)) { /* a recorder may want to know */
        return PyObject_CallMethod(plain.data, "__get__", "O", self);
    }
    return PyFloat_FromDouble(NODE(self)->data);
}

static int set_in_python(PyObject *property, PyObject *self, PyObject *value)
{
    PyObject *done = value == NULL ? PyObject_CallMethod(property, "__delete__", "O", self)
                                   : PyObject_CallMethod(property, "__set__", "OO", self, value);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static int set_data(PyObject *self, PyObject *value, void *closure)
{
    (void)closure;
    if (value == NULL || !PyFloat_CheckExact(value) || NODE(self)->count > 0 || is_on(active)) {
        return set_in_python(plain.data, self, value);
    }
    NODE(self)->data = PyFloat_AS_DOUBLE(value);
    NODE(self)->born = ++last_born; /* what was recorded from the old number is stale from now on */
    return 0;
}

static PyObject *get_grad(PyObject *self, void *closure)
{
    (void)closure;
    if (!is_value(self) || is_on(active)) { /* a subclass may keep its gradient elsewhere */
        return PyObject_CallMethod(plain.grad, "__get__", "O", self);
    }
    return PyFloat_FromDouble(NODE(self)->flags & HAS_GRAD ? NODE(self)->grad : 0.0);
}

static int set_grad(PyObject *self, PyObject *value, void *closure)
{
    (void)closure;
    if (!is_value(self) || is_on(active) || value == NULL || !PyFloat_CheckExact(value)) {
        return set_in_python(plain.grad, self, value);
    }
    NODE(self)->grad = PyFloat_AS_DOUBLE(value);
    NODE(self)->flags |= HAS_GRAD;
    return 0;
}

static PyObject *get_private_grad(PyObject *self, void *closure)
{
    (void)closure;
    if (!(NODE(self)->flags & HAS_GRAD)) {
        PyErr_SetString(PyExc_AttributeError, "_grad");
        return NULL;
    }
    return PyFloat_FromDouble(NODE(self)->grad);
}

static int set_private_grad(PyObject *self, PyObject *value, void *closure)
{
    (void)closure;
    if (value == NULL) {
        if (!(NODE(self)->flags & HAS_GRAD)) {
            PyErr_SetString(PyExc_AttributeError, "_grad");
            return -1;
        }
        NODE(self)->flags &= (uint16_t)~HAS_GRAD;
        return 0;
    }
    const double number = PyFloat_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred()) {
        return -1;
    }
    NODE(self)->grad = number;
    NODE(self)->flags |= HAS_GRAD;
    return 0;
}

/* Not a plain member: its error would cost more words, and time, than a scope does. */
static PyObject *get_extra(PyObject *self, void *closure)
{
    (void)closure;
    if (NODE(self)->extra == NULL) {
        PyErr_SetString(PyExc_AttributeError, "_extra");
        return NULL;
    }
    return Py_NewRef(NODE(self)->extra);
}

static int set_extra(PyObject *self, PyObject *value, void *closure)
{
    (void)closure;
    if (value == NULL && NODE(self)->extra == NULL) {
        PyErr_SetString(PyExc_AttributeError, "_extra");
        return -1;
    }
    Py_XINCREF(value);
    Py_XSETREF(NODE(self)->extra, value);
    return 0;
}

static PyObject *get_inputs(PyObject *op, void *closure)
{
    (void)closure;
    const Node *self = NODE(op);
    PyObject *inputs = PyTuple_New(self->count);
    if (inputs != NULL && PyTuple_GET_SIZE(inputs) != self->count) { /* changed meanwhile */
        Py_DECREF(inputs);
        return get_inputs(op, closure);
    }
    for (uint32_t i = 0; inputs != NULL && i < self->count; i++) {
        PyObject *x = Py_XNewRef(input(self, i));
        if (x == NULL) {
            x = PyFloat_FromDouble(number_of_input(self, i));
        }
        if (x == NULL) {
            Py_CLEAR(inputs);
        } else {
            PyTuple_SET_ITEM(inputs, i, x);
        }
    }
    return inputs;
}

/* Take the rule of a node into a new `wide`. */
static void move_rule(Node *self, Wide *wide)
{
    if (self->flags & WIDE) {
        wide->rule = self->wide->rule;
        self->wide->rule = NULL;
    }
}

static int set_inputs(PyObject *op, PyObject *value, void *closure)
{
    (void)closure;
    Node *self = NODE(op);
    bool tracked = !is_value(op); /* as a subclass's instance always is */
    if (value == NULL || !PyTuple_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "the inputs of a node are a tuple");
        return -1;
    }
    const size_t count = (size_t)PyTuple_GET_SIZE(value);
    Wide *wide = new_wide(count);
    if (wide == NULL) {
        return -1;
    }
    unsigned flags = WIDE;
    for (size_t i = 0; i < count; i++) {
        PyObject *x = PyTuple_GET_ITEM(value, (Py_ssize_t)i);
        if (PyFloat_CheckExact(x)) {
            numbers_in(wide, (Py_ssize_t)count)[i] = PyFloat_AS_DOUBLE(x);
        } else {
            wide->node[i] = Py_NewRef(x);
            flags |= PyObject_TypeCheck(x, value_type) ? 0 : FOREIGN;
            tracked |= PyObject_GC_IsTracked(x);
        }
    }
    move_rule(self, wide);
    const Node before = *self;
    self->count = (uint32_t)count;
    self->wide = wide;
    if (count <= 2 && wide->rule == NULL) {
        flags &= ~WIDE;
        for (size_t i = 0; i < count; i++) {
            self->two[i].number = numbers_in(wide, (Py_ssize_t)count)[i];
            if (wide->node[i] != NULL) {
                self->two[i].node = wide->node[i];
                flags |= FIRST_IS_NODE << i;
            }
        }
        PyMem_Free(wide);
    }
    self->flags = (uint16_t)((self->flags & ~INPUT_FLAGS) | flags);
    if (value_is_gc(op) && tracked != PyObject_GC_IsTracked(op)) {
        (tracked ? PyObject_GC_Track : PyObject_GC_UnTrack)(op);
    }
    drop_inputs(&before); /* last, for it may run Python */
    return 0;
}

static PyObject *get_rule(PyObject *op, void *closure)
{
    (void)closure;
    const Node *self = NODE(op);
    PyObject *rule = self->code == OTHER_RULE ? self->wide->rule : row_rules[self->code];
    return Py_NewRef(rule == NULL ? Py_None : rule);
}

/* Keep a rule that is none of the table's. */
static int keep_rule(Node *self, PyObject *rule)
{
    if (!(self->flags & WIDE)) {
        Wide *wide = new_wide(self->count);
        if (wide == NULL) {
            return -1;
        }
        for (uint32_t i = 0; i < self->count; i++) {
            wide->node[i] = input(self, i);
            if (wide->node[i] == NULL) {
                numbers_in(wide, self->count)[i] = self->two[i].number;
            }
        }
        self->flags &= (uint16_t) ~(FIRST_IS_NODE | SECOND_IS_NODE);
        self->flags |= WIDE;
        self->wide = wide;
    }
    self->code = OTHER_RULE;
    Py_XSETREF(self->wide->rule, Py_NewRef(rule));
    return 0;
}

static int set_rule(PyObject *op, PyObject *value, void *closure)
{
    (void)closure;
    Node *self = NODE(op);
    long code = NO_RULE;
    if (value == NULL) {
        PyErr_SetString(PyExc_TypeError, "the rule of a node cannot be deleted");
        return -1;
    }
    if (value != Py_None) {
        PyObject *found = PyDict_GetItemWithError(code_of_rule, value);
        if (found == NULL) {
            return PyErr_Occurred() ? -1 : keep_rule(self, value);
        }
        code = PyLong_AsLong(found);
    }
    self->code = (uint16_t)code;
    if (self->flags & WIDE) {
        Py_CLEAR(self->wide->rule);
    }
    return 0;
}

static PyMemberDef value_members[] = {
    {"_data", T_DOUBLE, offsetof(Node, data), 0, NULL},
    {"_born", T_LONGLONG, offsetof(Node, born), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef value_getset[] = {
    {"data", get_data, set_data, NULL, NULL},
    {"grad", get_grad, set_grad, NULL, NULL},
    {"_grad", get_private_grad, set_private_grad, NULL, NULL},
    {"_inputs", get_inputs, set_inputs, NULL, NULL},
    {"_rule", get_rule, set_rule, NULL, NULL},
    {"_extra", get_extra, set_extra, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* ---- the walk ------------------------------------------------------------------------------- */

/* A growing array of pointers. */
typedef struct {
    void **item;
    Py_ssize_t count, room;
} Array;

/* The nodes under a root: all of them as they were found, and those with inputs from the youngest
   to the oldest. Meanwhile a slot for each birth, from the root's back, in pages that are there
   only where something has been put: births in one graph are mostly close together. */
typedef struct {
    Array found, order, pages;
    long long last;  /* the last slot that is taken */
    long long since; /* nodes born before are left out */
    bool outside;    /* whether some were */
} Graph;

enum { PAGE = 512, MOST_PAGES = 1 << 17 };

/* What a subclass may have replaced so that only Python knows how to walk through it. */
static const char *const seam_names[] = {"_data", "_grad", "_inputs", "_rule",      "_born",
                                         "ask",   "fit",   "own",     "broadcasts", "kind"};
enum { SEAMS = sizeof seam_names / sizeof *seam_names };
static PyObject *seams[SEAMS]; /* the same as Python's strings */

/* Asked in the middle of a walk: no descriptor and no metaclass is called. */
static bool is_plain_subclass(PyTypeObject *type)
{
    static PyTypeObject *last; /* not kept alive: only ever compared */
    static unsigned int last_version;
    if (type == last && type->tp_version_tag == last_version && last_version != 0) {
        return true;
    }
    for (size_t i = 0; i < SEAMS; i++) {
        if (_PyType_Lookup(type, seams[i]) != _PyType_Lookup(value_type, seams[i])) {
            return false;
        }
    }
    last = type;
    last_version = type->tp_version_tag;
    return true;
}

static inline bool is_walkable(const Node *self)
{
    const uint32_t arity = row_arities[self->code]; /* 0 for a leaf, and for any number */
    return !(self->flags & FOREIGN) && self->code != OTHER_RULE &&
           (self->code != NO_RULE) == (self->count > 0) &&
           (arity == self->count || arity == LIST_ARITY) &&
           (Py_IS_TYPE(self, value_type) || is_plain_subclass(Py_TYPE(self)));
}

/* Make room for so many pointers; new ones are NULL. */
static bool reserve(Array *array, Py_ssize_t wanted)
{
    if (wanted <= array->room) {
        return true;
    }
    const Py_ssize_t room = wanted * 2 + 64;
    void **item = PyMem_Realloc(array->item, (size_t)room * sizeof *item);
    if (item == NULL) {
        return false;
    }
    memset(item + array->room, 0, (size_t)(room - array->room) * sizeof *item);
    array->item = item;
    array->room = room;
    return true;
}

static inline bool append(Array *array, void *item)
{
    if (!reserve(array, array->count + 1)) {
        return false;
    }
    array->item[array->count++] = item;
    return true;
}

static bool put_in_slot(Graph *graph, Node *node)
{
    const long long place = NODE(graph->found.item[0])->born - node->born;
    const long long number = place / PAGE;
    if (number >= MOST_PAGES) { /* much older than the root: Python sorts */
        return false;
    }
    if (number >= graph->pages.count) {
        if (!reserve(&graph->pages, (Py_ssize_t)number + 1)) {
            return false;
        }
        graph->pages.count = (Py_ssize_t)number + 1;
    }
    Node **page = graph->pages.item[number];
    if (page == NULL) {
        page = graph->pages.item[number] = PyMem_Calloc(PAGE, sizeof *page);
    }
    if (page == NULL || page[place % PAGE] != NULL) { /* two born at once: somebody wrote `_born` */
        return false;
    }
    page[place % PAGE] = node;
    graph->last = place > graph->last ? place : graph->last;
    return true;
}

/* Add a node; false where the walk is one for Python. */
static inline bool add(Graph *graph, Node *node)
{
    if (!is_walkable(node) || !append(&graph->found, node)) {
        return false;
    }
    node->flags |= FOUND;
    return node->count == 0 || put_in_slot(graph, node);
}

static bool add_inputs(Graph *graph, const Node *node)
{
    for (uint32_t k = 0; k < node->count; k++) {
        Node *x = NODE(input(node, k));
        if (x == NULL) {
            continue;
        }
        if (x->born >= node->born) { /* stale: Python says so, if a share gets there */
            return false;
        }
        if (x->born < graph->since) {
            graph->outside = true;
        } else if (!(x->flags & FOUND) && !add(graph, x)) {
            return false;
        }
    }
    return true;
}

/* All nodes under the root that were born at `since` or later, in the order of their births: whatever
   is put in a slot, is put there from a younger node. False where the walk is one for Python, be it
   for want of memory: it will say so. */
static bool find_nodes(Graph *graph, Node *root, long long since)
{
    *graph = (Graph){.since = since};
    if (!add(graph, root)) {
        return false;
    }
    for (Py_ssize_t number = 0; number < graph->pages.count; number++) {
        Node **page = graph->pages.item[number];
        for (int i = 0; page != NULL && i < PAGE && number * PAGE + i <= graph->last; i++) {
            if (page[i] == NULL) {
                continue;
            }
            if (!add_inputs(graph, page[i]) || !append(&graph->order, page[i])) {
                return false;
            }
        }
    }
    return true;
}

static void forget(Graph *graph)
{
    for (Py_ssize_t i = 0; i < graph->found.count; i++) {
        NODE(graph->found.item[i])->flags &= (uint16_t) ~(FOUND | REACHED);
    }
    for (Py_ssize_t i = 0; i < graph->pages.count; i++) {
        PyMem_Free(graph->pages.item[i]);
    }
    PyMem_Free(graph->found.item);
    PyMem_Free(graph->order.item);
    PyMem_Free(graph->pages.item);
}

/* A share arrives at x, if it is part of the walk. */
static inline void give(PyObject *to, double share)
{
    Node *x = NODE(to);
    if (x->flags & REACHED) {
        x->grad += share;
    } else if (x->flags & FOUND) {
        x->grad = share;
        x->flags |= REACHED;
    }
}

#define G (node->grad)
#define OUT (node->data)
#define PASS(i, share)        \
    if (to[i] != NULL) {      \
        give(to[i], (share)); \
    }
#define PASS_IF(i, condition, share) \
    if (condition) {                 \
        PASS(i, share)               \
    }

static void hand_back_of_list(const Node *node, PyObject *const *to, ptrdiff_t N, const double *XS)
{
    switch (node->code) {
#define RULE(NAME, ARITY, FORWARD, SHARES)
#define LIST(NAME, FORWARD, SHARES) \
    case VG_##NAME: {               \
        SHARES                      \
    } break;
#include "rules.h"
    }
}

#define X (in[0])
#define Y (in[1])
#define Z (in[2])
#define W (in[3])

static inline void hand_back_of_rule(const Node *node, PyObject *const *to, const double *in)
{
    switch (node->code) {
#define RULE(NAME, ARITY, FORWARD, SHARES) \
    case VG_##NAME:                        \
        SHARES                             \
        break;
#define LIST(NAME, FORWARD, SHARES)                    \
    case VG_##NAME:                                    \
        hand_back_of_list(node, to, node->count, in);  \
        break;
#include "rules.h"
    }
}

#undef X
#undef Y
#undef Z
#undef W
#undef G
#undef OUT
#undef PASS
#undef PASS_IF

/* Hand the shares of a node's gradient to its inputs. */
static void hand_back(Node *node)
{
    if (node->flags & WIDE) {
        double *in = numbers_of(node);
        for (uint32_t i = 0; i < node->count; i++) {
            if (node->wide->node[i] != NULL) {
                in[i] = NODE(node->wide->node[i])->data;
            }
        }
        hand_back_of_rule(node, node->wide->node, in);
        return;
    }
    PyObject *to[2] = {input(node, 0), node->count > 1 ? input(node, 1) : NULL};
    const double in[MOST_INPUTS] = {
        to[0] != NULL ? NODE(to[0])->data : node->two[0].number,
        to[1] != NULL ? NODE(to[1])->data : node->two[1].number,
    };
    hand_back_of_rule(node, to, in);
}

static void walk(const Graph *graph, Node *root, double seed)
{
    root->grad = seed;
    root->flags |= REACHED;
    for (Py_ssize_t i = 0; i < graph->order.count; i++) {
        Node *node = graph->order.item[i];
        if (node->flags & REACHED) {
            hand_back(node);
        }
    }
}

/* A leaf gathers over many passes, any other node shows the last. Nothing can fail any more. */
static void walk_and_add(const Graph *graph, Node *root, double seed)
{
    for (Py_ssize_t i = 0; i < graph->found.count; i++) {
        Node *x = graph->found.item[i];
        if (x->count == 0) {
            x->held = x->grad;
        }
    }
    walk(graph, root, seed);
    for (Py_ssize_t i = 0; i < graph->found.count; i++) {
        Node *x = graph->found.item[i];
        if (x->flags & REACHED) {
            if (x->count == 0 && x->flags & HAS_GRAD) {
                x->grad = x->held + x->grad;
            }
            x->flags |= HAS_GRAD;
        }
    }
}

static bool backward_of(Node *root, double seed)
{
    Graph graph;
    const bool ours = find_nodes(&graph, root, LLONG_MIN);
    if (ours) {
        walk_and_add(&graph, root, seed);
    }
    forget(&graph);
    return ours;
}

/* Whether a walk may be done here at all: nobody listens, and the table is as it was printed. */
static bool may_walk(PyObject *root)
{
    return !is_on(active) && PySet_GET_SIZE(altered) == 0 && PyObject_TypeCheck(root, value_type);
}

static bool call(PyObject *function)
{
    PyObject *done = PyObject_CallNoArgs(function);
    Py_XDECREF(done);
    return done != NULL;
}

static PyObject *value_backward(PyObject *self, PyObject *args, PyObject *named)
{
    static char *names[] = {"seed", NULL};
    PyObject *start = NULL;
    double seed = 1.0;
    if (!PyArg_ParseTupleAndKeywords(args, named, "|O:backward", names, &start)) {
        return NULL;
    }
    if (may_walk(self) && (start == NULL || as_number(start, &seed))) {
        if (!call(acquire)) {
            return NULL;
        }
        const bool done = backward_of(NODE(self), seed);
        if (!call(release)) {
            return NULL;
        }
        if (done) {
            Py_RETURN_NONE;
        }
    }
    PyObject *bound = PyMethod_New(plain.backward, self);
    PyObject *result = bound == NULL ? NULL : PyObject_Call(bound, args, named);
    Py_XDECREF(bound);
    return result;
}

static bool are_plain(PyObject *wanted)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(wanted); i++) {
        PyObject *x = PyList_GET_ITEM(wanted, i);
        if (!is_value(x) && !(PyObject_TypeCheck(x, value_type) && is_plain_subclass(Py_TYPE(x)))) {
            return false;
        }
    }
    return true;
}

/* The gradients of the root at the wanted nodes, in new memory; each node's own .grad is put back.
   NULL where there is no memory. */
static double *walk_and_put_back(const Graph *graph, Node *root, double seed, PyObject *wanted)
{
    const Py_ssize_t n = PyList_GET_SIZE(wanted);
    double *found = PyMem_New(double, (size_t)(n + graph->found.count)), *kept = found + n;
    if (found == NULL) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < graph->found.count; i++) {
        kept[i] = NODE(graph->found.item[i])->grad;
    }
    walk(graph, root, seed);
    for (Py_ssize_t i = 0; i < n; i++) {
        const Node *x = NODE(PyList_GET_ITEM(wanted, i));
        found[i] = x->flags & REACHED ? x->grad : 0.0;
    }
    for (Py_ssize_t i = 0; i < graph->found.count; i++) {
        NODE(graph->found.item[i])->grad = kept[i];
    }
    return found;
}

static PyObject *list_of(const double *numbers, Py_ssize_t n)
{
    PyObject *list = PyList_New(n);
    for (Py_ssize_t i = 0; list != NULL && i < n; i++) {
        PyObject *x = PyFloat_FromDouble(numbers[i]);
        if (x == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SET_ITEM(list, i, x);
        }
    }
    return list;
}

/* gradients(root, wanted, seed, since, inside): as a list, or None where Python shall go; with
   `inside` also where the graph depends on a node born before `since`. */
static PyObject *gradients(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *root, *wanted, *seed;
    long long since;
    int inside;
    if (!PyArg_ParseTuple(args, "OO!OLp:gradients", &root, &PyList_Type, &wanted, &seed, &since,
                          &inside)) {
        return NULL;
    }
    if (value_type == NULL || !may_walk(root) || !are_plain(wanted) || !PyFloat_CheckExact(seed)) {
        Py_RETURN_NONE;
    }
    Graph graph;
    double *found = NULL;
    const Py_ssize_t n = PyList_GET_SIZE(wanted);
    const bool ours = find_nodes(&graph, NODE(root), since) && !(inside && graph.outside);
    if (ours) {
        found = walk_and_put_back(&graph, NODE(root), PyFloat_AS_DOUBLE(seed), wanted);
    }
    forget(&graph);
    if (!ours) {
        Py_RETURN_NONE;
    }
    PyObject *answers = found == NULL ? PyErr_NoMemory() : list_of(found, n);
    PyMem_Free(found);
    return answers;
}

/* ---- the type ------------------------------------------------------------------------------- */

/* Value(...) as any class does it: through Scalar.__init__. */
static PyObject *construct_in_python(PyObject *type, PyObject *const *args, Py_ssize_t count,
                                     PyObject *names)
{
    PyObject *positional = PyTuple_New(count), *named = PyDict_New(), *result = NULL;
    if (positional != NULL && named != NULL) {
        bool complete = true;
        for (Py_ssize_t i = 0; i < count; i++) {
            PyTuple_SET_ITEM(positional, i, Py_NewRef(args[i]));
        }
        for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(names); i++) {
            complete &= PyDict_SetItem(named, PyTuple_GET_ITEM(names, i), args[count + i]) == 0;
        }
        result = complete ? PyType_Type.tp_call(type, positional, named) : NULL;
    }
    Py_XDECREF(positional);
    Py_XDECREF(named);
    return result;
}

/* The label among the arguments after the first, NULL if it is none that C takes as it stands. */
static PyObject *label_of(PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    const Py_ssize_t named = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    if (count < 1 || count + named != 2 || !PyUnicode_CheckExact(args[1])) {
        return NULL;
    }
    PyObject *name = named == 0 ? NULL : PyTuple_GET_ITEM(names, 0);
    return name == NULL || PyUnicode_CompareWithASCIIString(name, "label") == 0 ? args[1] : NULL;
}

/* Value(number) and Value(number, label) without a detour. */
static PyObject *construct(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *names)
{
    double number;
    const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
    PyObject *label = label_of(args, count, names);
    if ((label == NULL && (count != 1 || names != NULL)) || !as_number(args[0], &number)) {
        return construct_in_python(type, args, count, names);
    }
    Node *self = new_node(NO_RULE, number, false);
    if (self != NULL && label != NULL && PyUnicode_GET_LENGTH(label) > 0) {
        self->extra = PyDict_New();
        if (self->extra == NULL || PyDict_SetItemString(self->extra, "label", label) < 0) {
            Py_CLEAR(self);
        }
    }
    return (PyObject *)self;
}

/* sys.getsizeof adds the garbage collector's header for the type, though a BARE node has none. */
static PyObject *value_sizeof(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    const Py_ssize_t header = value_is_gc(op) ? 0 : 2 * (Py_ssize_t)sizeof(void *);
    return PyLong_FromSsize_t(Py_TYPE(op)->tp_basicsize - header);
}

static PyMethodDef value_methods[] = {
    {"backward", (PyCFunction)(void (*)(void))value_backward, METH_VARARGS | METH_KEYWORDS, NULL},
    {"__sizeof__", value_sizeof, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot value_slots[] = {
    {Py_tp_dealloc, value_dealloc},
    {Py_tp_free, value_free},
    {Py_tp_is_gc, value_is_gc},
    {Py_tp_traverse, value_traverse},
    {Py_tp_methods, value_methods},
    {Py_tp_members, value_members},
    {Py_tp_getset, value_getset},
    {Py_tp_richcompare, value_compare},
    {Py_nb_add, value_add},
    {Py_nb_subtract, value_sub},
    {Py_nb_multiply, value_mul},
    {Py_nb_true_divide, value_div},
    {Py_nb_floor_divide, value_floordiv},
    {Py_nb_remainder, value_mod},
    {Py_nb_power, value_pow},
    {Py_nb_negative, value_neg},
    {Py_nb_positive, value_identity},
    {Py_nb_absolute, value_abs},
    {Py_nb_bool, value_bool},
    {Py_tp_hash, NULL},
    {0, NULL},
};

static PyType_Spec value_spec = {
    .name = "autograd.core.value.Value",
    .basicsize = sizeof(Node),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = value_slots,
};

/* The Rule objects of the printed rows. */
static int adopt_rules(void)
{
    code_of_rule = PyDict_New();
    for (long code = NO_RULE + 1; code_of_rule != NULL && code < ROWS_END; code++) {
        PyObject *rule = PyMapping_GetItemString(rules, row_names[code]);
        PyObject *number = PyLong_FromLong(code);
        if (rule == NULL || number == NULL || PyDict_SetItem(code_of_rule, rule, number) < 0) {
            return -1;
        }
        Py_DECREF(number);
        row_rules[code] = rule;
    }
    return code_of_rule == NULL ? -1 : 0;
}

static int adopt(PyObject **place, const char *name)
{
    *place = name == NULL ? NULL : PyObject_GetAttrString(scalar, name);
    return name != NULL && *place == NULL ? -1 : 0;
}

/* The documentation of something of Scalar's, for good; under a signature if it has one. */
static const char *documentation(PyObject *object, const char *signature)
{
    PyObject *words = PyObject_GetAttrString(object, "__doc__");
    PyObject *text = words == NULL ? NULL : PyUnicode_FromFormat("%s%S", signature, words);
    Py_XDECREF(words);
    return text == NULL ? NULL : PyUnicode_AsUTF8(text);
}

/* What Scalar does in Python. */
static int adopt_behaviour(void)
{
    for (size_t i = 0; i < sizeof operator_names / sizeof *operator_names; i++) {
        const int code = operator_names[i].code;
        if (adopt(&plain.left[code], operator_names[i].left) < 0 ||
            adopt(&plain.right[code], operator_names[i].right) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < SEAMS; i++) {
        if ((seams[i] = PyUnicode_InternFromString(seam_names[i])) == NULL) {
            return -1;
        }
    }
    for (int op = 0; op < 6; op++) {
        if (adopt(&plain.compare[op], comparison_names[op]) < 0) {
            return -1;
        }
    }
    if (adopt(&plain.data, "data") < 0 || adopt(&plain.grad, "grad") < 0 ||
        adopt(&plain.backward, "backward") < 0 || adopt(&plain.truth, "__bool__") < 0) {
        return -1;
    }
    value_getset[0].doc = documentation(plain.data, "");
    value_getset[1].doc = documentation(plain.grad, "");
    value_methods[0].ml_doc = documentation(plain.backward, "backward($self, seed=1.0)\n--\n\n");
    return PyErr_Occurred() ? -1 : 0;
}

/* value(Scalar, RULES, altered, active, watching, watched, acquire, release): the class Value, and
   None if there is one already. From then on functions are C's. */
static PyObject *make_value(PyObject *Py_UNUSED(module), PyObject *args)
{
    if (value_type != NULL) { /* the package is imported afresh: its nodes are others */
        Py_RETURN_NONE;
    }
    if (!PyArg_ParseTuple(args, "OO!O!O!O!OOO:value", &scalar, &PyDict_Type, &rules, &PySet_Type,
                          &altered, &PySet_Type, &active, &PySet_Type, &watching, &watched, &acquire,
                          &release)) {
        return NULL;
    }
    Py_INCREF(args); /* and with it all it has, for good */
    if (adopt_rules() < 0 || adopt_behaviour() < 0) {
        return NULL;
    }
    fill_slot(value_slots, Py_tp_hash, (void *)PyBaseObject_Type.tp_hash); /* identity */
    PyObject *bases = PyTuple_Pack(1, scalar);
    PyObject *type = bases == NULL ? NULL : PyType_FromSpecWithBases(&value_spec, bases);
    Py_XDECREF(bases);
    if (type != NULL) {
        value_type = (PyTypeObject *)Py_NewRef(type);
        value_type->tp_vectorcall = construct;
    }
    return type;
}

enum { INTERFACE = 4 }; /* compiled.INTERFACE: counted up when Python and C change together */

/* ---- the module ----------------------------------------------------------------------------- */

static PyObject *next_birth(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromLongLong(++last_born);
}

static PyObject *keep_notes(PyObject *Py_UNUSED(module), PyObject *append)
{
    Py_XSETREF(keep_note, Py_NewRef(append));
    Py_RETURN_NONE;
}

static PyMethodDef engine_methods[] = {
    {"birth", next_birth, METH_NOARGS, "The next birth number, for every kind of node."},
    {"keep_notes", keep_notes, METH_O, "What takes a note of each comparison."},
    {"operation", make_operation, METH_VARARGS, "A function in C, and in Python where it must."},
    {"value", make_value, METH_VARARGS, "The class Value."},
    {"gradients", gradients, METH_VARARGS, "Gradients as a list; None where Python shall go."},
    {NULL, NULL, 0, NULL},
};

static int fill_module(PyObject *module)
{
    PyObject *names = PyTuple_New(ROWS_END - 1);
    for (int code = NO_RULE + 1; names != NULL && code < ROWS_END; code++) {
        PyTuple_SET_ITEM(names, code - 1, PyUnicode_InternFromString(row_names[code]));
    }
    fill_slot(operation_slots, Py_tp_call, (void *)PyVectorcall_Call);
    operation_type = (PyTypeObject *)PyType_FromSpec(&operation_spec);
    if (operation_type == NULL || PyModule_AddObjectRef(module, "ROWS", names) < 0) {
        return -1;
    }
    Py_DECREF(names);
    if (PyModule_AddIntConstant(module, "INTERFACE", INTERFACE) < 0) {
        return -1;
    }
    return PyModule_AddObject(module, "FINGERPRINT", PyLong_FromUnsignedLong(VG_FINGERPRINT));
}

static struct PyModuleDef engine_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "autograd._engine",
    .m_doc = "The compiled twin of the class Value and of its walk back.",
    .m_size = -1, /* its state is the process's: one interpreter only */
    .m_methods = engine_methods,
};

PyMODINIT_FUNC PyInit__engine(void)
{
    PyObject *module = PyModule_Create(&engine_module);
    if (module != NULL && fill_module(module) < 0) {
        Py_CLEAR(module);
    }
    return module;
}
