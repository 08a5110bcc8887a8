"""THE ENGINE, in the order to read it.

`ieee` (arithmetic on floats), `kinds` (what else is a number), `functions` (what each computes),
`rules` (THE TABLE: what each passes back), `modes` (what may differ while a computation is
recorded), `graph` (the record, and the walk back through it), `value` (a node of one number),
`twin` (the same in C, where it was built)."""
