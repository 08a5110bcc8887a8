/* How a node of the compiled engine is kept: for `engine.c`, which makes nodes, and `replay.c`,
   which only reads them. */

#ifndef VG_NODE_H
#define VG_NODE_H

#include <stdint.h>

/* Flags of a node. */
enum {
    HAS_GRAD = 1,
    FIRST_IS_NODE = 2, /* two[0] is a node and not a number */
    SECOND_IS_NODE = 4,
    WIDE = 8,     /* the inputs are in `wide` */
    FOREIGN = 16, /* some input is no Value: a Tensor */
    FOUND = 32,   /* only during a walk: it is part of the graph */
    REACHED = 64, /* only during a walk: some share has arrived */
    BARE = 128,   /* has no room for what the garbage collector notes about an object */
};
enum { INPUT_FLAGS = FIRST_IS_NODE | SECOND_IS_NODE | WIDE | FOREIGN };

typedef union {
    PyObject *node;
    double number;
} Operand;

/* The inputs of a node that has more than two, or another rule than the table's. */
typedef struct {
    PyObject *rule;   /* if it is none of the table's */
    PyObject *node[]; /* NULL for a plain number; after them as many doubles, the numbers of all */
} Wide;

/* A Value. It holds nothing but its read-only inputs, which are older, and notes. Only an instance of
   a subclass, or a Tensor, can refer to something younger: the garbage collector tracks these and
   whatever was computed from them; all other nodes cannot be part of a cycle, and are BARE. */
typedef struct Node {
    PyObject_HEAD
    double data;
    union {
        double grad;
        struct Node *next; /* of a dead node: the next one that waits to be freed */
    };
    long long born;
    uint16_t code; /* 0 for a leaf, else one more than the place of the row in the table */
    uint16_t flags;
    uint32_t count; /* inputs */
    union {
        Operand two[2];
        Wide *wide;
        double held; /* of a leaf, during a walk: the gradient from before */
    };
    PyObject *extra; /* labels, lines, scopes: NULL for most */
} Node;

#define NODE(x) ((Node *)(x))

static inline double *numbers_of(const Node *self)
{
    return (double *)(self->wide->node + self->count);
}

/* The i-th input, NULL where it is a plain number. */
static inline PyObject *input(const Node *self, uint32_t i)
{
    if (self->flags & WIDE) {
        return self->wide->node[i];
    }
    return self->flags & (FIRST_IS_NODE << i) ? self->two[i].node : NULL;
}

static inline double number_of_input(const Node *self, uint32_t i)
{
    return self->flags & WIDE ? numbers_of(self)[i] : self->two[i].number;
}

#endif
